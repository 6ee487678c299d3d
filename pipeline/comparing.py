"""What the windows of a limit say: passed, failed, or inconclusive, with the facts. Pure.

Absolute ceilings come first, and count at once; then the comparison with before, which must be large enough
(`effect`), beyond doubt (an interval or an exact test) and last. A part of the requests (errors; those slower than the
ceiling) is beyond doubt when the binomial distribution makes it so: at 1 % errors, 20 requests have two of them once in
sixty windows. Too few requests, no numbers: inconclusive, which asks a person.

scipy is loaded when something is compared for the first time: it takes a second or two.
"""

import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from pipeline.config_watch import WatchLimit
from pipeline.measuring import Window

DOUBT = 0.001
"""The chance of a false alarm that one look at a ceiling may have, were the product always just at it."""
DOUBT_OF_MORE = 0.0002
"""The same for a comparison of counts: two like versions are really compared, dozens of times in a watch."""
DOUBT_OF_SHIFT = 0.001
"""The same for a comparison of values."""
LEAST_WINDOWS = 8
"""Windows with numbers that a comparison wants on each side: fewer, with like values among them, prove nothing."""
LEAST_ERRORS = 5
"""Errors that a comparison wants: three after none are no trend."""


@dataclass(frozen=True)
class Verdict:
    """Of one limit. Codes: ceiling, worse (failed); no_data, too_few, no_baseline (inconclusive); held (passed)."""

    limit: str
    kind: str
    verdict: Literal["passed", "failed", "inconclusive"]
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As facts of a stage."""
        return {
            "limit": self.limit,
            "kind": self.kind,
            "verdict": self.verdict,
            "code": self.code,
            **self.facts,
        }


def make_ready() -> None:
    """Load what comparisons need, so that the first one does not wait for it."""
    importlib.import_module("scipy.stats")


def judge(limit: WatchLimit, before: Sequence[Window], now: Sequence[Window]) -> Verdict:
    """The verdict on a limit: its windows since the change, beside those from before it."""
    then, here = overall(limit, before), overall(limit, now)
    facts: dict[str, Any] = {
        "value": here,
        "before": then,
        "most": limit.most,
        "count": round(sum(w.count for w in now)),
    }
    facts |= {
        "per": "one" if limit.per else "hour" if limit.kind == "cost" else "",
        "quantile": limit.quantile,
    }
    if over := _over(limit, now):
        return Verdict(limit.name, limit.kind, "failed", "ceiling", facts | {"value": over})
    if here is not None and (ratio := _worse(limit, before, now)):
        return Verdict(
            limit.name,
            limit.kind,
            "failed",
            "worse",
            facts | {"ratio": round(ratio, 2) if math.isfinite(ratio) else None},
        )
    code = _lacks(limit, before, now)
    return Verdict(limit.name, limit.kind, "inconclusive" if code else "passed", code or "held",
                   facts | {"needed": limit.requests})  # fmt: skip


def overall(limit: WatchLimit, windows: Sequence[Window]) -> float | None:
    """One number for many windows: all errors of all requests, or the median of the windows' values."""
    count = sum(window.count for window in windows)
    if limit.kind == "error-rate":
        return sum(window.bad for window in windows) / count if count else None
    values = _values(windows)
    return median(values) if values else None


def _values(windows: Sequence[Window]) -> list[float]:
    return [window.value for window in windows if window.value is not None and math.isfinite(window.value)]


def _counts(limit: WatchLimit) -> bool:
    return limit.kind in ("error-rate", "latency") or limit.per is not None


def _lacks(limit: WatchLimit, before: Sequence[Window], now: Sequence[Window]) -> str:
    """What is missing for a verdict; empty when nothing is."""
    if not _values(now):
        return "too_few" if now and _counts(limit) else "no_data"
    if _counts(limit) and sum(window.count for window in now) < limit.requests:
        return "too_few"
    return "no_baseline" if limit.most is None and not _comparable(limit, before, now) else ""


# ------------------------------------------------------------------ the ceiling


def _over(limit: WatchLimit, now: Sequence[Window]) -> float | None:
    """The number that is over the ceiling; None while none is beyond doubt."""
    if limit.most is None or not _values(now):
        return None
    if limit.kind in ("error-rate", "latency"):
        return next((value for value in _parts_over(limit, limit.most, now)), None)
    last = [window for window in now if window.value is not None][-limit.sustained :]
    enough = not limit.per or sum(window.count for window in last) >= limit.requests
    lasts = len(last) == limit.sustained and all(value > limit.most for value in _values(last))
    return overall(limit, last) if enough and lasts else None


def _parts_over(limit: WatchLimit, most: float, now: Sequence[Window]) -> Iterator[float]:
    """Of the last windows, and of all: more failed, or were slower than the ceiling, than may."""
    allowed = most if limit.kind == "error-rate" else 1 - limit.quantile
    for some in (*(now[-length:] for length in range(1, limit.sustained + 1)), now):
        count, bad = sum(window.count for window in some), sum(window.bad for window in some)
        value = overall(limit, some)
        if value is None or count < limit.requests or bad / count <= allowed:
            continue
        if _chance_of_as_many(bad, count, allowed) < DOUBT:
            yield max(value, most)  # a histogram says nothing of how far over its last bound they are


def _chance_of_as_many(bad: float, count: float, part: float) -> float:
    """The chance of so many among so many, when a part of them is to be expected."""
    from scipy.stats import binom

    return float(binom.sf(math.floor(bad) - 1, math.ceil(count), part))


# -------------------------------------------------------------- the comparison


def _comparable(limit: WatchLimit, before: Sequence[Window], now: Sequence[Window]) -> bool:
    if limit.kind == "error-rate":
        return min(sum(window.count for window in side) for side in (before, now)) >= limit.requests
    return min(len(_values(side)) for side in (before, now)) >= LEAST_WINDOWS


def _worse(limit: WatchLimit, before: Sequence[Window], now: Sequence[Window]) -> float | None:
    """How many times as much as before it is, when that is large enough, beyond doubt, and has lasted."""
    if limit.effect is None:
        return None
    ratio = None
    for newest in range(limit.sustained):
        some = now[: len(now) - newest]
        if not _comparable(limit, before, some):
            return None
        found = _more_errors(limit.effect, before, some) if limit.kind == "error-rate" else _shifted(
            limit.effect, _values(before), _values(some)
        )  # fmt: skip
        if found is None:
            return None
        ratio = ratio or found
    return ratio


def _more_errors(effect: float, before: Sequence[Window], now: Sequence[Window]) -> float | None:
    """Fisher's exact test on the counts."""
    (bad_then, then), (bad, count) = (_totals(side) for side in (before, now))
    rate_then, rate = bad_then / then, bad / count
    if bad < LEAST_ERRORS or rate < effect * rate_then:
        return None
    from scipy.stats import fisher_exact

    table = [[bad, max(0, count - bad)], [bad_then, max(0, then - bad_then)]]
    is_certain = float(fisher_exact(table, alternative="greater").pvalue) < DOUBT_OF_MORE
    return rate / rate_then if is_certain and rate_then else math.inf if is_certain else None


def _totals(windows: Sequence[Window]) -> tuple[int, int]:
    return round(sum(window.bad for window in windows)), round(sum(window.count for window in windows))


def _shifted(effect: float, before: Sequence[float], now: Sequence[float]) -> float | None:
    """Mann and Whitney's test, and Hodges and Lehmann's shift with the lower end of its interval (as Kayenta does)."""
    import numpy as np

    usual = median(before)
    differences = np.sort(np.subtract.outer(np.asarray(now), np.asarray(before)).ravel())
    shift = float(np.median(differences))
    if usual <= 0 or usual + shift < effect * usual:
        return None
    from scipy.stats import mannwhitneyu, norm

    many, few = len(now), len(before)
    spread = math.sqrt(many * few * (many + few + 1) / 12)
    lowest = max(0, math.floor(many * few / 2 - float(norm.isf(DOUBT_OF_SHIFT)) * spread))
    if differences[lowest] <= 0 or mannwhitneyu(now, before, alternative="greater").pvalue >= DOUBT_OF_SHIFT:
        return None
    return (usual + shift) / usual
