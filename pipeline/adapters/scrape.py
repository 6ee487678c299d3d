"""Measurements from the product's own page in Prometheus' text format, read at the slot's address."""

import asyncio
import math
from collections.abc import Iterable, Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pipeline.errors import MetricsError
from pipeline.ports import Series, Side, Values
from pipeline.selectors import Selector, selector

SECONDS = 5.0
"""The longest that a page may take."""
MOST_BYTES = 5_000_000


class ScrapedMetrics:
    """Metrics of a product that nobody collects: one look at its page per reading."""

    async def read(self, wanted: Mapping[str, Series], side: Side) -> Mapping[str, Values]:
        """See Metrics.read."""
        text = await _page(side.page)
        return await asyncio.to_thread(_values, text, wanted, side.page)


async def _page(url: str) -> str:
    try:
        async with ClientSession(timeout=ClientTimeout(total=SECONDS)) as session, session.get(url) as answer:
            body = await answer.content.read(MOST_BYTES + 1)
            while len(body) <= MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
                body += more
    except (ClientError, TimeoutError, ValueError) as error:
        raise MetricsError(f"{url} did not open: {type(error).__name__}.") from error
    if answer.status != 200:
        raise MetricsError(f"{url} answered {answer.status}, not 200.")
    if len(body) > MOST_BYTES:
        raise MetricsError(f"{url} is longer than {MOST_BYTES // 1_000_000} MB.")
    return body.decode(errors="replace")


def _values(text: str, wanted: Mapping[str, Series], url: str) -> dict[str, Values]:
    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError) as error:
        raise MetricsError(f"{url} is not Prometheus' text format: {str(error)[:200]}.") from error
    found = {name: _of(series, samples) for name, series in wanted.items()}
    return {name: values for name, values in found.items() if values}


def _of(series: Series, samples: Iterable[Sample]) -> dict[str, float]:
    picked = selector(series.expression)
    if series.kind == "buckets":
        picked = Selector(f"{picked.name}_bucket", picked.matchers)
    values: dict[str, float] = {}
    for sample in samples:
        if picked.picks(sample.name, sample.labels) and math.isfinite(sample.value):
            key = sample.labels.get("le", "") if series.kind == "buckets" else ""
            values[key] = values.get(key, 0.0) + sample.value
    return values
