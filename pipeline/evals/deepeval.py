"""deepeval: the test run that `deepeval test run` leaves in the folder DEEPEVAL_RESULTS_FOLDER.

A metric that raised an error has no score and success = false, and sometimes no `error` either: no score is no
measurement. A test that raised before assert_test is not in the file at all; the number of cases shows it.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, BaseModel, Field

from pipeline.evals.record import (
    Case,
    Record,
    UnreadableError,
    case_id,
    digest,
    parsed,
    shares,
    suite_hash,
    tags_of,
)
from pipeline.plain import plain

NAME = "deepeval"


class _Metric(BaseModel):
    name: str
    threshold: float | None = None
    success: bool | None = None
    score: float | None = None
    error: str | None = None


class _TestCase(BaseModel):
    """A test case of one turn, or a conversation."""

    name: str
    input: Any = Field(None, validation_alias=AliasChoices("input", "scenario"))
    expected: Any = Field(None, validation_alias=AliasChoices("expectedOutput", "expectedOutcome"))
    context: Any = None
    metrics: tuple[_Metric, ...] = Field((), alias="metricsData")
    older: Any = Field(None, alias="metricsMetadata")
    seconds: float | None = Field(None, alias="completionTime")
    cost: float | None = Field(None, alias="tokenCost")
    tags: tuple[str, ...] | None = None
    metadata: Any = None


class _Run(BaseModel):
    cases: tuple[_TestCase, ...] = Field(alias="testCases")
    conversations: tuple[_TestCase, ...] = Field((), alias="conversationalTestCases")
    hyperparameters: Any = None
    file: str | None = Field(None, alias="testFile")


class _Wrapped(BaseModel):
    """The tool's own note of the latest run has the run inside."""

    run: _Run | None = Field(None, alias="testRunData")


def read(data: bytes) -> Record:
    """Raises UnreadableError."""
    run = parsed(_Wrapped, data, NAME).run or parsed(_Run, data, NAME)
    cases = (*run.cases, *run.conversations)
    if any(case.older is not None for case in cases):
        raise UnreadableError("report_version", format=NAME, found="1", known="2 and later")
    hyper = run.hyperparameters if isinstance(run.hyperparameters, dict) else {}
    record = Record(
        tool=NAME,
        tool_version="",
        subject=run.file or NAME,
        suite_hash=suite_hash(map(_row, cases)),
        model=str(hyper.get("model") or ""),
        prompt_hash=digest({key: value for key, value in hyper.items() if key != "model"}) if hyper else "",
        metrics=shares(_judged(cases)),
        cases=tuple(map(_case, cases)),
    )
    return record.measured()


def _case(case: _TestCase) -> Case:
    broken = [f"{metric.name}: {metric.error or 'it gave no score'}" for metric in case.metrics
              if metric.error or metric.score is None]  # fmt: skip
    scores = [metric.score for metric in case.metrics if metric.score is not None]
    error = plain("; ".join(broken), 300) if case.metrics else "no metric judged it"
    tags = _tags(case)
    return Case(
        id=case_id(case.name),
        passed=not error and all(metric.success is True for metric in case.metrics),
        score=sum(scores) / len(scores) if scores and not broken else None,
        latency_ms=case.seconds * 1000 if case.seconds is not None else None,
        cost_usd=case.cost,
        critical="critical" in tags,
        error=error or None,
        tags=tags,
    )


def _tags(case: _TestCase) -> tuple[str, ...]:
    return (*(case.tags or ()), *tags_of(case.metadata))


def _judged(cases: tuple[_TestCase, ...]) -> Iterator[tuple[str, float]]:
    """The share of cases that pass each metric, and its mean score."""
    for case in cases:
        for metric in case.metrics:
            yield f"{metric.name}_accuracy", float(metric.success is True)
            if metric.score is not None:
                yield f"{metric.name}_score", metric.score


def _row(case: _TestCase) -> list[Any]:
    metrics = sorted([metric.name, metric.threshold or 0.0] for metric in case.metrics)
    return [case.name, case.input, case.expected, case.context, metrics, sorted(_tags(case))]
