"""What people are shown of a run, as plain data: counts with their interval, metrics beside their limits, the times.

At twenty cases a difference between two runs is mostly chance: intervals and p-values are evidence for people, and
decide nothing.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.config import Evaluation
from pipeline.evals.record import Case, Record
from pipeline.plain import plain

MOST_METRICS = 30
"""Metrics that a report shows, those with limits first."""

MOST_NAMED = 20
"""Cases that a report names; the rest is counted."""

BINS = 20
"""Bars of the distribution of times."""

LONGEST, SHORTEST = 1e12, 1e-6
"""Milliseconds: a time beyond the first is no measurement, and a spread below the second is none."""


def report(
    record: Record, config: Evaluation, last: Record | None, lost: tuple[str, ...], flaky: tuple[str, ...]
) -> dict[str, Any]:
    """The evidence of a run; numbers that are none are null, so that any database takes it."""
    passed, failed = sum(case.passed for case in record.cases), [c for c in record.cases if not c.passed]
    low, high = wilson(passed, len(record.cases))
    return {
        "tool": plain(f"{record.tool} {record.tool_version}", 80),
        "subject": plain(record.subject, 80),
        "model": plain(record.model, 80),
        "passed": passed,
        "total": len(record.cases),
        "low": low,
        "high": high,
        "metrics": list(_metrics(record, config, last)),
        "failed": [plain(case.id, 80) for case in failed[:MOST_NAMED]],
        "times": _times(record.cases),
        "compared": _compared(record, last, len(lost)) if last else None,
        "lost": [plain(name, 80) for name in lost[:MOST_NAMED]],
        "flaky": [plain(name, 80) for name in flaky[:MOST_NAMED]],
    }


def _metrics(record: Record, config: Evaluation, last: Record | None) -> Iterator[dict[str, Any]]:
    """Each metric with its limits and what it was; first those with a limit, in the playbook's order."""
    limited = dict.fromkeys([*config.minimum, *config.maximum])
    others = [name for name in record.metrics if name not in limited]
    for name in [*limited, *others][:MOST_METRICS]:
        yield {
            "name": plain(name, 60),
            "value": _number(record.metrics.get(name)),
            "least": config.minimum.get(name),
            "most": config.maximum.get(name),
            "before": _number(last.metrics.get(name)) if last else None,
        }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _compared(record: Record, last: Record, lost: int) -> dict[str, Any]:
    failed_before = {case.id for case in last.cases if not case.passed}
    won = sum(case.passed and case.id in failed_before for case in record.cases)
    return {
        "lost": lost,
        "won": won,
        "chance": mcnemar(lost, won),
        "prompt": [short(last.prompt_hash), short(record.prompt_hash)]
        if record.prompt_hash != last.prompt_hash
        else None,
    }


def _times(cases: tuple[Case, ...]) -> Mapping[str, Any] | None:
    """How many cases took how long: BINS bars from `first` to `last` milliseconds."""
    taken = [case.latency_ms for case in cases if case.latency_ms is not None]
    taken = [value for value in taken if 0 <= value <= LONGEST]
    if len(taken) < 2 or max(taken) - min(taken) < SHORTEST:
        return None
    first, last = min(taken), max(taken)
    counts = [0] * BINS
    for value in taken:
        counts[min(int((value - first) / (last - first) * BINS), BINS - 1)] += 1
    return {"first": first, "last": last, "counts": counts}


def short(name: str) -> str:
    """Enough of a hash to recognise it."""
    return plain(name.rpartition(":")[2], 10)


def wilson(passed: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` cases (Wilson's score interval)."""
    if count == 0:
        return 0.0, 1.0
    z, share = 1.959964, passed / count
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def mcnemar(lost: int, won: int) -> float:
    """The two-sided exact p-value that so uneven a split of changed cases is chance (McNemar)."""
    count, fewer = lost + won, min(lost, won)
    ways = tail = 1
    for k in range(1, fewer + 1):
        ways = ways * (count - k + 1) // k  # of k out of count
        tail += ways
    return min(1.0, 2 * tail / (1 << count))
