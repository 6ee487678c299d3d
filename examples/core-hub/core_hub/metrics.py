"""What the api measures about itself, in Prometheus' words. One registry per process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from core_hub.reader import Usage

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_LLM_SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """Counters since the start of the process; times in seconds, costs in US dollars."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "core_hub_requests", "Requests answered", (*labels, "status"), registry=self.registry
        )
        self._errors = Counter("core_hub_errors", "Requests answered with 5xx", registry=self.registry)
        self._seconds = Histogram(
            "core_hub_request_seconds", "Time to answer", labels, buckets=_SECONDS, registry=self.registry
        )
        self._cost = Counter("core_hub_llm_cost_usd", "What reading texts cost", registry=self.registry)
        self._tokens = Counter("core_hub_llm_tokens", "Tokens of read texts", registry=self.registry)
        self._llm_seconds = Histogram(
            "core_hub_llm_seconds", "Time to read a text", buckets=_LLM_SECONDS, registry=self.registry
        )
        self._jobs = Gauge(
            "core_hub_jobs", "Jobs in the database by state", ("state",), registry=self.registry
        )
        build = Gauge("core_hub_build_info", "What runs", ("component", "version"), registry=self.registry)
        build.labels("api", version).set(1)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the pattern, not the path: its number is bounded."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        if status >= 500:
            self._errors.inc()

    def read_text(self, usage: Usage, seconds: float) -> None:
        """Count one text that the model read."""
        self._cost.inc(usage.cost_usd)
        self._tokens.inc(usage.tokens)
        self._llm_seconds.observe(seconds)

    def render(self, jobs: dict[str, int]) -> bytes:
        """The exposition format's text, with the jobs as they are now."""
        for state in ("queued", "running", "done"):
            self._jobs.labels(state).set(jobs.get(state, 0))
        return generate_latest(self.registry)
