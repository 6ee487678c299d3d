"""The dashboard's numbers, out of the api's metrics."""

from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def numbers(text: str) -> Mapping[str, str]:
    """Each number of the dashboard by its title, from Prometheus' text. Raises ValueError for other text."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    if not samples:
        raise ValueError("the api's metrics are empty")
    return {
        "Requests": f"{_sum(samples, 'core_hub_requests_total'):.0f}",
        "Errors": f"{_sum(samples, 'core_hub_errors_total'):.0f}",
        "Latency p95": _milliseconds(percentile(samples, "core_hub_request_seconds", 0.95)),
        "Charges read": f"{_sum(samples, 'core_hub_llm_seconds_count'):.0f}",
        "LLM cost": f"${_sum(samples, 'core_hub_llm_cost_usd_total'):.6f}",
        "LLM latency p95": _milliseconds(percentile(samples, "core_hub_llm_seconds", 0.95)),
        "Jobs waiting": f"{_sum(samples, 'core_hub_jobs', state='queued'):.0f}",
        "Jobs done": f"{_sum(samples, 'core_hub_jobs', state='done'):.0f}",
    }


def percentile(samples: Iterable[Sample], name: str, share: float) -> float | None:
    """The upper bound in seconds of the bucket in which the share of all observations is reached."""
    buckets: dict[float, float] = {}
    for sample in samples:
        if sample.name == f"{name}_bucket":
            bound = float(sample.labels["le"])
            buckets[bound] = buckets.get(bound, 0.0) + sample.value
    total = max(buckets.values(), default=0.0)
    return min((bound for bound, count in buckets.items() if total and count >= share * total), default=None)


def _sum(samples: Iterable[Sample], name: str, **labels: str) -> float:
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def _milliseconds(seconds: float | None) -> str:
    return "none yet" if seconds is None else f"up to {seconds * 1000:g} ms"
