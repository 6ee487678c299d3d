"""Measurements from a Prometheus, or whatever speaks its HTTP API: instant queries in PromQL."""

import asyncio
import math
from collections.abc import Mapping
from string import Template
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from pipeline.errors import MetricsError
from pipeline.ports import Series, Side, Values
from pipeline.selectors import Selector, matchers, selector

SECONDS = 5.0
"""The longest that one query may take."""


class PrometheusMetrics:
    """A Prometheus at `url`. `match` is what tells one version's series from the other's: conditions on labels, in
    which `$version` and `$slot` stand for the version's own. `token` is sent as a bearer token."""

    def __init__(self, url: str, match: str, token: str | None = None) -> None:
        self._url = url.rstrip("/") + "/api/v1/query"
        self._match = match
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def read(self, wanted: Mapping[str, Series], side: Side) -> Mapping[str, Values]:
        """See Metrics.read. A query finds `$version`, `$slot` and `$window` (such as `15s`) filled in."""
        async with ClientSession(headers=self._headers, timeout=ClientTimeout(total=SECONDS)) as session:
            asked = (self._ask(session, _promql(series, side, self._match)) for series in wanted.values())
            answers = await asyncio.gather(*asked)
        found = {
            name: _values(series, answer)
            for (name, series), answer in zip(wanted.items(), answers, strict=True)
        }
        return {name: values for name, values in found.items() if values}

    async def _ask(self, session: ClientSession, query: str) -> list[dict[str, Any]]:
        try:
            async with session.post(self._url, data={"query": query}) as answer:
                said = await answer.json(content_type=None)
        except (ClientError, TimeoutError, ValueError) as error:
            raise MetricsError(
                f"Prometheus at {self._url} did not answer: {type(error).__name__}."
            ) from error
        if not isinstance(said, dict) or said.get("status") != "success":
            why = said.get("error", "") if isinstance(said, dict) else ""
            raise MetricsError(
                f"Prometheus refused {query[:200]}: {answer.status} {str(why)[:200]}".rstrip() + "."
            )
        return _result(said.get("data"))


def _promql(series: Series, side: Side, match: str) -> str:
    names = {"version": side.version, "slot": side.slot, "window": f"{max(1, round(side.seconds * 1000))}ms"}
    if series.kind == "query":
        return Template(series.expression).safe_substitute(names)
    own = matchers(Template(match).safe_substitute(names))
    picked = selector(series.expression)
    if series.kind == "buckets":
        return f"sum by (le) ({Selector(f'{picked.name}_bucket', (*picked.matchers, *own))})"
    return f"sum({Selector(picked.name, (*picked.matchers, *own))})"


def _result(data: Any) -> list[dict[str, Any]]:
    """The samples of an instant query: a vector, or a scalar as one sample without labels."""
    result = data.get("result", []) if isinstance(data, dict) else []
    if isinstance(data, dict) and data.get("resultType") == "scalar":
        return [{"metric": {}, "value": result}]
    return [one for one in result if isinstance(one, dict)]


def _values(series: Series, samples: list[dict[str, Any]]) -> dict[str, float]:
    """What was measured. Several series where a query should have one are none: which one is meant is not known."""
    if series.kind != "buckets" and len(samples) != 1:
        return {}
    found = {str(one.get("metric", {}).get("le", "")): _number(one.get("value")) for one in samples}
    return {bound: value for bound, value in found.items() if value is not None}


def _number(value: Any) -> float | None:
    try:
        number = float(value[1])
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    return number if math.isfinite(number) else None
