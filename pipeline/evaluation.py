"""Judging an LLM evaluation by its neutral record: passed, failed, or no verdict (which is not a pass). Pure.

At twenty cases a difference between two runs is mostly chance: the fixed thresholds and the critical
cases decide; the comparison with the last release is evidence for people.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from pipeline.config import Evaluation
from pipeline.plain import plain

SHOWN = 10
"""How many cases, reasons or errors are named; the rest is counted."""


class Case(BaseModel):
    """One case of the suite, as it ended. Times are in milliseconds."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    passed: StrictBool
    score: float | None = None
    latency_ms: float | None = None
    cost_usd: float | None = None
    tokens: int | None = None
    critical: StrictBool = False
    error: str | None = None


class Record(BaseModel):
    """The neutral result record that every evaluation tool's output is turned into."""

    model_config = ConfigDict(frozen=True)

    tool: str
    tool_version: str
    subject: str
    suite_hash: Annotated[str, Field(min_length=1)]
    model: str
    prompt_hash: str
    errors: tuple[str, ...] = ()
    metrics: Mapping[str, float]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Verdict:
    """`reasons` say why it is not a pass; `lost` are the cases that passed last time; `report` is for people."""

    outcome: Literal["passed", "failed", "none"]
    reasons: tuple[str, ...]
    lost: tuple[str, ...]
    report: tuple[str, ...]


def judge(record_text: str, config: Evaluation, last: Record | None) -> Verdict:
    """Judge a run by the playbook's thresholds; `last` is the record of the release that is live."""
    record = _read(record_text)
    if isinstance(record, str):
        return Verdict("none", (record,), (), ())
    lost = _lost(record, last)
    report = tuple(_report(record, config, last, lost))
    doubts = _some(list(_doubts(record, config, last)))
    if doubts:
        return Verdict("none", doubts, lost, report)
    faults = _some(list(_faults(record, config)))
    return Verdict("failed" if faults else "passed", faults, lost, report)


def _read(text: str) -> Record | str:
    if not text.strip():
        return "There is no result record: the evaluation wrote nothing."
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the record"
        return f"The result record cannot be read: {plain(place, 80)}: {plain(first['msg'])}."


def _doubts(record: Record, config: Evaluation, last: Record | None) -> Iterator[str]:
    """Why there is no verdict."""
    for error in record.errors:
        yield f"The run had an error: {plain(error)}."
    if len(record.cases) < config.cases:
        yield f"Only {len(record.cases)} of {config.cases} cases ran."
    for name, count in Counter(case.id for case in record.cases).items():
        if count > 1:
            yield f"The case {plain(name)} is there {count} times."
    for case in record.cases:
        if case.error:
            yield f"The case {plain(case.id)} had an error: {plain(case.error)}."
    if last is not None and record.suite_hash != last.suite_hash:
        yield (
            f"The suite is another than last time ({_short(record.suite_hash)} instead of"
            f" {_short(last.suite_hash)}), so the results do not compare."
        )
    yield from _metric_doubts(record, config)


def _metric_doubts(record: Record, config: Evaluation) -> Iterator[str]:
    if not config.minimum and not config.maximum:
        yield "The playbook names no threshold (evaluation.minimum or evaluation.maximum)."
    for name in dict.fromkeys([*config.minimum, *config.maximum]):
        if name not in record.metrics:
            yield f"The metric {plain(name)} is missing, but the playbook has a threshold for it."
    for name, value in record.metrics.items():
        if not math.isfinite(value):
            yield f"The metric {plain(name)} is {value}, which is not a measurement."


def _faults(record: Record, config: Evaluation) -> Iterator[str]:
    """Why the run failed."""
    for case in record.cases:
        if case.critical and not case.passed:
            yield f"The critical case {plain(case.id)} failed."
    for name, least in config.minimum.items():
        if record.metrics[name] < least:
            yield f"{name} is {record.metrics[name]:g}, under its minimum of {least:g}."
    for name, most in config.maximum.items():
        if record.metrics[name] > most:
            yield f"{name} is {record.metrics[name]:g}, over its maximum of {most:g}."


def _lost(record: Record, last: Record | None) -> tuple[str, ...]:
    before = {case.id for case in last.cases if case.passed} if last else set()
    return tuple(sorted({plain(case.id) for case in record.cases if case.id in before and not case.passed}))


def _report(record: Record, config: Evaluation, last: Record | None, lost: tuple[str, ...]) -> Iterator[str]:
    passed = sum(case.passed for case in record.cases)
    low, high = wilson(passed, len(record.cases))
    yield (
        f"{passed} of {len(record.cases)} cases passed (95 % interval {low:.0%} to {high:.0%}),"
        f" with {plain(record.model, 80)} by {plain(record.tool, 40)} {plain(record.tool_version, 40)}."
    )
    for name, least in config.minimum.items():
        yield f"{name}: {_shown(record, name)} (at least {least:g})"
    for name, most in config.maximum.items():
        yield f"{name}: {_shown(record, name)} (at most {most:g})"
    if last is not None:
        yield from _comparison(record, last, lost)


def _comparison(record: Record, last: Record, lost: tuple[str, ...]) -> Iterator[str]:
    if record.model != last.model:
        yield f"Another model than last time: {plain(record.model, 80)} instead of {plain(last.model, 80)}."
    if record.prompt_hash != last.prompt_hash:
        yield f"Another prompt than last time: {_short(record.prompt_hash)} instead of {_short(last.prompt_hash)}."
    failed_before = {case.id for case in last.cases if not case.passed}
    won = sum(case.passed and case.id in failed_before for case in record.cases)
    if lost or won:
        named = f" ({', '.join(_some(list(lost)))})" if lost else ""
        yield (
            f"Against the last release: {len(lost)} lost{named}, {won} won;"
            f" as likely by chance as p = {mcnemar(len(lost), won):.2f}."
        )


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
    tail = sum(math.comb(count, k) for k in range(fewer + 1)) / (1 << count)
    return min(1.0, 2 * tail)


def _shown(record: Record, name: str) -> str:
    return f"{record.metrics[name]:g}" if name in record.metrics else "missing"


def _short(name: str) -> str:
    return plain(name.rpartition(":")[2], 10)


def _some(lines: list[str]) -> tuple[str, ...]:
    more = len(lines) - SHOWN
    return (*lines[:SHOWN], f"… and {more} more") if more > 0 else tuple(lines)
