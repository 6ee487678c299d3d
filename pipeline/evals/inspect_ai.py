"""inspect-ai: an evaluation log as JSON (`inspect eval --log-format json`), version 2.

`inspect eval` exits 0 on a run that broke: its `status` must be success. With --no-fail-on-error it is success
although samples had errors, so these are read of each sample.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from pipeline.evals.record import Case, Record, case_id, digest, parsed, suite_hash, tags_of
from pipeline.plain import plain

NAME = "inspect-ai"

_GRADES: Mapping[str, float] = {"c": 1, "i": 0, "p": 0.5, "n": 0, "yes": 1, "true": 1, "no": 0, "false": 0}
"""Letters and words as the tool's own value_to_float reads them."""


class _Error(BaseModel):
    message: str


class _Score(BaseModel):
    value: Any


class _Usage(BaseModel):
    total_tokens: int = 0
    total_cost: float | None = None


class _Sample(BaseModel):
    id: str | int
    epoch: int
    input: Any
    target: Any
    scores: Mapping[str, _Score] | None = None
    metadata: Any = None
    error: _Error | None = None
    model_usage: Mapping[str, _Usage] = {}
    total_time: float | None = None


class _Dataset(BaseModel):
    sample_ids: tuple[str | int, ...] = ()


class _Config(BaseModel):
    epochs: int | None = None


class _Scorer(BaseModel):
    name: str
    options: Any = None


class _Spec(BaseModel):
    task: str
    model: str
    dataset: _Dataset
    config: _Config = _Config()
    packages: Mapping[str, str] = {}
    scorers: tuple[_Scorer, ...] | None = None


class _Metric(BaseModel):
    value: float


class _Scores(BaseModel):
    name: str
    metrics: Mapping[str, _Metric] = {}


class _Results(BaseModel):
    scores: tuple[_Scores, ...] = ()


class _Log(BaseModel):
    version: Literal[2]
    status: str
    eval_: _Spec = Field(alias="eval")
    plan: Any = None
    results: _Results | None = None
    error: _Error | None = None
    invalidated: bool = False
    samples: tuple[_Sample, ...] | None = None


def read(data: bytes) -> Record:
    """Raises UnreadableError."""
    log = parsed(_Log, data, NAME)
    spec, samples = log.eval_, log.samples or ()
    metrics = {
        f"{scores.name}_{name}": metric.value
        for scores in (log.results.scores if log.results else ())
        for name, metric in scores.metrics.items()
    }
    record = Record(
        tool=NAME,
        tool_version=spec.packages.get("inspect_ai", ""),
        subject=spec.task,
        suite_hash=suite_hash(map(_row, samples), [scorer.model_dump() for scorer in spec.scorers or ()]),
        model=spec.model,
        prompt_hash=digest(log.plan),
        errors=tuple(_errors(log)),
        metrics=metrics,
        cases=tuple(_case(sample) for sample in samples),
    )
    return record.measured()


def _errors(log: _Log) -> Iterator[str]:
    if log.status != "success":
        why = f": {log.error.message}" if log.error else ""
        yield plain(f"its status is {log.status}{why}", 300)
    if log.invalidated:
        yield "the log was marked as invalid"
    expected = len(log.eval_.dataset.sample_ids) * (log.eval_.config.epochs or 1)
    if len(log.samples or ()) < expected:
        yield f"{len(log.samples or ())} of {expected} samples are in the log"


def _case(sample: _Sample) -> Case:
    grades = [grade for score in (sample.scores or {}).values() if (grade := _grade(score.value)) is not None]
    error = sample.error.message if sample.error else "" if grades else "no scorer graded it"
    usage, tags = list(sample.model_usage.values()), tags_of(sample.metadata)
    costs = [each.total_cost for each in usage]
    return Case(
        id=_name(sample),
        passed=bool(grades) and min(grades) >= 1 and not error,
        score=sum(grades) / len(grades) if grades else None,
        latency_ms=sample.total_time * 1000 if sample.total_time is not None else None,
        cost_usd=sum(cost for cost in costs if cost is not None) if costs and None not in costs else None,
        tokens=sum(each.total_tokens for each in usage) if usage else None,
        critical="critical" in tags,
        error=plain(error, 300) or None,
        tags=tags,
    )


def _grade(value: Any) -> float | None:
    """A score as a number from 0 to 1; None for what is none (a length, a table)."""
    if isinstance(value, str):
        return _GRADES.get(value.casefold())
    return float(value) if isinstance(value, bool | int | float) and 0 <= value <= 1 else None


def _name(sample: _Sample) -> str:
    return case_id(str(sample.id) if sample.epoch == 1 else f"{sample.id} (epoch {sample.epoch})")


def _row(sample: _Sample) -> list[Any]:
    return [_name(sample), sample.input, sample.target, sorted(tags_of(sample.metadata))]
