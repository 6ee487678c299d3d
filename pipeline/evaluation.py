"""Judging an LLM evaluation by its neutral record: passed, failed, or something that only a person may decide. Pure.

The fixed limits and the critical cases decide. What could not be measured is never a pass. What is found is codes
and facts; handlers/text/evaluations.py has the sentences.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.config import Evaluation
from pipeline.evals import Case, Record, UnreadableError
from pipeline.evals.evidence import report, short
from pipeline.plain import plain

SHOWN = 10
"""How many findings are kept; the rest is counted."""

RERUNS = 3
"""How often lost cases are run again."""

STEADY = 2
"""A lost case that passes so many of its re-runs is flaky, and not lost."""

Outcome = Literal["passed", "failed", "none", "narrow", "changed"]
"""passed; failed for good; and what asks an approver: none, no verdict; narrow, a limit was missed by little;
changed, it passes by itself and cannot be compared with the last release."""


@dataclass(frozen=True)
class Finding:
    """Why a run is not a pass. `code` names the sentence, `facts` fill it in; all of them plain and short."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        return {"code": self.code, **self.facts}


@dataclass(frozen=True)
class Verdict:
    """`lost`: cases that passed last time, by their ids as the tool wrote them; `flaky`: those that came back.

    `comparable`: with the last release; else a difference says nothing of the product. `complete`: everything was
    measured, so that the next release can be compared with it.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    lost: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None
    comparable: bool = False
    complete: bool = False


def judge(
    found: Record | UnreadableError,
    config: Evaluation,
    last: Record | None,
    reruns: Mapping[str, int] | None = None,
) -> Verdict:
    """Judge a run by the playbook's limits.

    `last` is the record of the release that is live; `reruns` says how many of RERUNS each lost case has passed.
    """
    if isinstance(found, UnreadableError):
        return Verdict("none", (Finding(found.code, found.facts),))
    gone = _lost(found, last)
    flaky = tuple(name for name in gone if (reruns or {}).get(name, 0) >= STEADY)
    lost = tuple(name for name in gone if name not in flaky)
    comparison = list(_comparison(found, last)) if last else []
    doubts = [*_doubts(found, config), *_metric_doubts(found, config)]
    outcome, findings = _decided(found, config, doubts, comparison, lost)
    evidence = report(found, config, last, lost, flaky)
    comparable = last is not None and not comparison
    return Verdict(outcome, _some(findings), lost, flaky, evidence, comparable, not doubts)


def _decided(
    record: Record,
    config: Evaluation,
    doubts: list[Finding],
    comparison: list[Finding],
    lost: tuple[str, ...],
) -> tuple[Outcome, list[Finding]]:
    """What decides, in this order: what nobody may overrule, what was not measured, limits, the comparison."""
    final, missed = list(_final(record, config)), list(_missed(record, config))
    wide = [finding for finding in missed if not finding.facts["narrow"]]
    if not comparison and config.most_lost is not None and len(lost) > config.most_lost:
        wide.append(Finding("too_many_lost", {"lost": len(lost), "most": config.most_lost}))
    if final:
        return "failed", final + doubts + missed
    if doubts:
        return "none", doubts + missed
    if wide:
        return "failed", [finding for finding in missed if finding not in wide] + wide
    if comparison:
        return ("none", comparison + missed) if missed else ("changed", comparison)
    return ("narrow", missed) if missed else ("passed", [])


def _final(record: Record, config: Evaluation) -> Iterator[Finding]:
    """What no approver may overrule."""
    if not config.minimum and not config.maximum:
        yield Finding("no_limits")
    for case in _critical(record, config):
        if not case.passed and not case.error:
            yield Finding("critical_failed", {"case": _named(case.id)})


def _critical(record: Record, config: Evaluation) -> list[Case]:
    """The critical cases: by the record itself, or by an id or tag in the playbook."""
    wanted = set(config.critical)
    return [case for case in record.cases if case.critical or not wanted.isdisjoint((case.id, *case.tags))]


def _doubts(record: Record, config: Evaluation) -> Iterator[Finding]:
    """What of the run was not measured."""
    for error in record.errors:
        yield Finding("run_error", {"error": plain(error)})
    if len(record.cases) < config.cases:
        yield Finding("cases_missing", {"found": len(record.cases), "wanted": config.cases})
    there = {word for case in record.cases for word in (case.id, *case.tags)}
    for name in config.critical:
        if name not in there:
            yield Finding("critical_missing", {"case": _named(name)})
    for name, count in Counter(case.id for case in record.cases).items():
        if count > 1:
            yield Finding("case_twice", {"case": _named(name), "count": count})
    for case in record.cases:
        yield from _case_doubts(case)


def _case_doubts(case: Case) -> Iterator[Finding]:
    if case.error:
        yield Finding("case_error", {"case": _named(case.id), "error": plain(case.error)})
    for name, value in case.measures.items():
        if value is not None and not math.isfinite(value):
            yield Finding("case_no_number", {"case": _named(case.id), "metric": name, "value": str(value)})


def _metric_doubts(record: Record, config: Evaluation) -> Iterator[Finding]:
    for name in dict.fromkeys([*config.minimum, *config.maximum]):
        if name not in record.metrics:
            yield Finding("metric_missing", {"metric": plain(name, 60)})
    for name, value in record.metrics.items():
        if not math.isfinite(value):
            yield Finding("metric_no_number", {"metric": plain(name, 60), "value": str(value)})


def _missed(record: Record, config: Evaluation) -> Iterator[Finding]:
    """The limits that were missed; `narrow`: by no more than the playbook's share of the limit."""
    for code, limits, sign in (("under_minimum", config.minimum, 1), ("over_maximum", config.maximum, -1)):
        for name, limit in limits.items():
            value = record.metrics.get(name, math.nan)
            by = (limit - value) * sign
            if by > 0:
                narrow = by <= abs(limit) * config.narrow * (1 + 1e-9)
                facts = {"metric": plain(name, 60), "value": value, "limit": limit, "narrow": narrow}
                yield Finding(code, facts | ({} if math.isfinite(value) else {"value": str(value)}))


def _comparison(record: Record, last: Record) -> Iterator[Finding]:
    """Why the run cannot be compared with the last release."""
    if record.suite_hash != last.suite_hash:
        facts = {"found": short(record.suite_hash), "before": short(last.suite_hash)}
        yield Finding("suite_changed", facts)
    if record.model != last.model:
        yield Finding("model_changed", {"found": plain(record.model, 80), "before": plain(last.model, 80)})


def _lost(record: Record, last: Record | None) -> tuple[str, ...]:
    """What passed last time and has failed now. What was not measured is not lost, but a doubt."""
    before = {case.id for case in last.cases if case.passed} if last else set()
    failed = (case.id for case in record.cases if not case.passed and not case.error)
    return tuple(sorted({name for name in failed if name in before}))


def passes(record: Record, wanted: Iterable[str]) -> set[str]:
    """Which of these cases have passed in a re-run: each must be there once, measured."""
    counts = Counter(case.id for case in record.cases)
    well = {case.id for case in record.cases if case.passed and not case.error and counts[case.id] == 1}
    return well & set(wanted)


def _named(name: str) -> str:
    return plain(name, 80) or "(no name)"


def _some(findings: list[Finding]) -> tuple[Finding, ...]:
    more = len(findings) - SHOWN
    return (*findings[:SHOWN], Finding("and_more", {"count": more})) if more > 0 else tuple(findings)
