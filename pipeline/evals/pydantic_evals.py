"""pydantic-evals: its EvaluationReport, as EvaluationReportAdapter.dump_json writes it.

The tool's own averages pool all evaluators, so the named assertions are read of each case. It names neither model
nor prompt: `metadata={"model": ..., "prompt_hash": ...}` of `Dataset.evaluate` is where a suite says them.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pipeline.evals.record import (
    Case,
    Record,
    case_id,
    number_of,
    parsed,
    shares,
    suite_hash,
    tags_of,
    text_of,
    tokens_of,
)
from pipeline.plain import plain

NAME = "pydantic-evals"


class _Result(BaseModel):
    """What one evaluator found; `source` says with which arguments it was made."""

    value: bool | float | None
    source: Any = None


class _Broken(BaseModel):
    name: str
    error_message: str


class _Tried(BaseModel):
    """A case, however it ended."""

    name: str
    inputs: Any
    expected_output: Any = None
    metadata: Any = None


class _Ended(_Tried):
    metrics: dict[str, Any] = {}
    assertions: dict[str, _Result]
    scores: dict[str, _Result]
    task_duration: float
    evaluator_failures: tuple[_Broken, ...] = ()


class _Failed(_Tried):
    """Its task raised an error."""

    error_message: str


class _Report(BaseModel):
    name: str
    cases: tuple[_Ended, ...]
    failures: tuple[_Failed, ...]
    report_evaluator_failures: tuple[_Broken, ...] = ()
    experiment_metadata: Any = None
    dataset_name: str | None = None


def read(data: bytes) -> Record:
    """Raises UnreadableError."""
    report = parsed(_Report, data, NAME)
    described = report.experiment_metadata
    record = Record(
        tool=NAME,
        tool_version=text_of(described, "tool_version"),
        subject=report.dataset_name or report.name,
        suite_hash=text_of(described, "suite_hash") or _suite(report),
        model=text_of(described, "model"),
        prompt_hash=text_of(described, "prompt_hash"),
        errors=tuple(_said(failure) for failure in report.report_evaluator_failures),
        metrics=shares(_judged(report)),
        cases=(*map(_case, report.cases), *map(_failure, report.failures)),
    )
    return record.measured()


def _case(case: _Ended) -> Case:
    found, metrics = [result.value for result in case.assertions.values()], case.metrics
    scores = [float(score.value) for score in case.scores.values() if score.value is not None]
    broken = "; ".join(_said(failure) for failure in case.evaluator_failures)
    unjudged = "" if found or scores else "no evaluator judged it"
    return Case(
        id=case_id(case.name),
        passed=all(value is True for value in found) and not broken and not unjudged,
        score=sum(value is True for value in found) / len(found) if found else None,
        latency_ms=case.task_duration * 1000,
        cost_usd=number_of(metrics, "cost_usd", "cost"),
        tokens=tokens_of(_tokens(metrics)),
        critical=_is_critical(case),
        error=broken or unjudged or None,
        tags=tags_of(case.metadata),
    )


def _tokens(metrics: dict[str, Any]) -> float | None:
    """Agents of pydantic-ai count both directions apart."""
    whole = number_of(metrics, "tokens", "total_tokens")
    if whole is not None:
        return whole
    parts = [number_of(metrics, name) for name in ("input_tokens", "output_tokens")]
    return sum(part or 0.0 for part in parts) if any(part is not None for part in parts) else None


def _failure(case: _Failed) -> Case:
    return Case(
        id=case_id(case.name),
        passed=False,
        critical=_is_critical(case),
        error=plain(case.error_message, 300) or "it raised an error",
        tags=tags_of(case.metadata),
    )


def _is_critical(case: _Tried) -> bool:
    return "critical" in tags_of(case.metadata)


def _said(failure: _Broken) -> str:
    return plain(f"{failure.name}: {failure.error_message}", 300)


def _judged(report: _Report) -> Iterator[tuple[str, float]]:
    """The share of cases that hold each assertion, and the mean of each score, by the evaluator's name."""
    for case in report.cases:
        yield from ((f"{name}_accuracy", float(a.value is True)) for name, a in case.assertions.items())
        yield from (
            (f"{name}_score", float(s.value)) for name, s in case.scores.items() if s.value is not None
        )


def _suite(report: _Report) -> str:
    cases: list[_Tried] = [*report.cases, *report.failures]
    evaluators = {
        suite_hash([[name, result.source]])
        for case in report.cases
        for name, result in (case.assertions | case.scores).items()
    }
    rows = [[case.name, case.inputs, case.expected_output, sorted(tags_of(case.metadata))] for case in cases]
    return suite_hash(rows, sorted(evaluators))
