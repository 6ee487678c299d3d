"""From readings of counters to windows that do not overlap: what happened between one look and the next. Pure.

Windows that overlap, as `rate(...[5m])` asked every 15 s, count the same requests many times: identical traffic then
looks like a significant difference (p = 8e-11 in a trial). Here each request is in one window only.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config_watch import WatchLimit
from pipeline.ports import Series, Values

INF = "+Inf"
HOUR = 3600.0


@dataclass(frozen=True)
class Window:
    """What one limit's numbers did in `seconds` up to `at` (a POSIX time). `value` is in the limit's unit, None where
    nothing happened; `count` of requests, `bad` of them failed or were slower than the ceiling."""

    at: float
    seconds: float
    value: float | None
    count: float = 0.0
    bad: float = 0.0

    def kept(self) -> list[Any]:
        """As it is stored, short: a watch has many."""
        numbers = (self.value, self.count, self.bad)
        return [
            round(self.at, 2),
            round(self.seconds, 2),
            *(n if n is None else float(f"{n:.6g}") for n in numbers),
        ]


def windows(kept: Sequence[Sequence[Any]]) -> list[Window]:
    """Windows as they were stored."""
    return [Window(*each) for each in kept]


def wanted(limits: Sequence[WatchLimit]) -> dict[str, Series]:
    """Every series that the limits are about, by `limit/part`."""
    return {f"{limit.name}/{part}": series for limit in limits for part, series in _parts(limit).items()}


def _parts(limit: WatchLimit) -> dict[str, Series]:
    if limit.query is not None:
        return {"value": Series("query", limit.query)}
    main = {"error-rate": "all", "latency": "buckets", "cost": "amount", "gauge": "value"}[limit.kind]
    found = {main: Series("buckets" if main == "buckets" else "sum", str(limit.metric))}
    if limit.errors is not None:
        found["bad"] = Series("sum", limit.errors)
    if limit.per is not None:
        found["all"] = Series("sum", limit.per)
    return found


def window(
    limit: WatchLimit, before: Mapping[str, Values], now: Mapping[str, Values], at: float, seconds: float
) -> Window | None:
    """What happened to a limit's numbers between two readings; None where one of them has no data."""
    parts = {part: (_read(limit, part, before), _read(limit, part, now)) for part in _parts(limit)}
    grown = {part: _growth(then, here) for part, (then, here) in parts.items() if here is not None}
    if limit.kind == "gauge":
        here = parts["value"][1]
        return None if here is None else Window(at, seconds, here[""])
    main = "all" if limit.kind == "error-rate" else "buckets" if limit.kind == "latency" else "amount"
    if seconds <= 0 or grown.get(main) is None:
        return None
    made = {"error-rate": _errors, "latency": _latency, "cost": _cost}[limit.kind]
    return made(limit, {part: values for part, values in grown.items() if values is not None}, at, seconds)


def _read(limit: WatchLimit, part: str, reading: Mapping[str, Values]) -> Values | None:
    """Errors that have no series are none yet: a counter with labels is there from its first error on."""
    found = reading.get(f"{limit.name}/{part}")
    return {"": 0.0} if found is None and part == "bad" else found


def _growth(before: Values | None, now: Values) -> Values | None:
    """How much counters grew. One that fell began anew with its process: all of it is new (as in PromQL)."""
    if before is None:
        return None
    began_anew = any(now.get(key, 0.0) < value for key, value in before.items())
    return {key: value - (0.0 if began_anew else before.get(key, 0.0)) for key, value in now.items()}


def _errors(limit: WatchLimit, grown: Mapping[str, Values], at: float, seconds: float) -> Window:
    count, bad = grown["all"].get("", 0.0), grown["bad"].get("", 0.0)
    return Window(at, seconds, bad / count if count else None, count, bad)


def _latency(limit: WatchLimit, grown: Mapping[str, Values], at: float, seconds: float) -> Window:
    bounds = _bounds(grown["buckets"])
    count = bounds[-1][1] if bounds else 0.0
    slow = max(0.0, count - _below(bounds, limit.most)) if limit.most is not None and count else 0.0
    return Window(at, seconds, _quantile(bounds, limit.quantile) if count else None, count, slow)


def _cost(limit: WatchLimit, grown: Mapping[str, Values], at: float, seconds: float) -> Window | None:
    amount = grown["amount"].get("", 0.0)
    if limit.per is None:
        return Window(at, seconds, amount / seconds * HOUR)
    count = grown.get("all", {}).get("", 0.0)
    return Window(at, seconds, amount / count if count else None, count)


# ------------------------------------------------------------------ histograms


def _bounds(buckets: Values) -> list[tuple[float, float]]:
    """Upper bounds and how many are not over them, rising; without a `+Inf` nothing is known of a histogram."""
    found = sorted((math.inf if le == INF else float(le), count) for le, count in buckets.items())
    if not found or found[-1][0] != math.inf:
        return []
    highest, rising = 0.0, []
    for bound, count in found:
        highest = max(highest, count)
        rising.append((bound, highest))
    return rising


def _quantile(bounds: Sequence[tuple[float, float]], part: float) -> float:
    """As PromQL's histogram_quantile: linear within a bucket; over the last bound it is that bound."""
    wanted_rank, below, lowest = part * bounds[-1][1], 0.0, 0.0
    for bound, count in bounds:
        if count >= wanted_rank and count > below:
            if bound == math.inf:
                return lowest
            return lowest + (bound - lowest) * (wanted_rank - below) / (count - below)
        below, lowest = count, bound
    return lowest


def _below(bounds: Sequence[tuple[float, float]], limit: float) -> float:
    """How many are not over a limit, linear within its bucket. In the last one all count as not over it, unless the
    limit is at a bound: nobody knows how far over the last bound they are."""
    below, lowest = 0.0, 0.0
    for bound, count in bounds:
        if bound >= limit:
            if bound == math.inf:
                return below if limit == lowest else count
            return below + (count - below) * (limit - lowest) / (bound - lowest) if bound > lowest else count
        below, lowest = count, bound
    return below
