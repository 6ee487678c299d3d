"""promptfoo: the results file of `promptfoo eval --output results.json` (results of version 3).

Its exit code 100 says that cases failed, and also that some had errors: which of the two stands with each case
(`failureReason`), while `error` is filled in for both.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from pipeline.evals.record import Case, Record, case_id, digest, parsed, shares, suite_hash, tags_of
from pipeline.plain import plain

NAME = "promptfoo"


class _Provider(BaseModel):
    id: str
    label: str = ""


class _Prompt(BaseModel):
    raw: str
    label: str = ""
    id: str = ""


class _Test(BaseModel):
    description: str | None = None
    vars: Any = None
    assert_: Any = Field(None, alias="assert")
    metadata: Any = None


class _Usage(BaseModel):
    total: int | None = None


class _Result(BaseModel):
    success: bool
    score: float
    failure_reason: Literal[0, 1, 2] = Field(alias="failureReason")
    error: str | None = None
    cost: float | None = None
    latency: float | None = Field(None, alias="latencyMs")
    named_scores: Mapping[str, float] = Field({}, alias="namedScores")
    provider: _Provider
    prompt_index: int = Field(alias="promptIdx")
    test_index: int = Field(alias="testIdx")
    test: _Test = Field(alias="testCase")
    usage: _Usage | None = Field(None, alias="tokenUsage")


class _Results(BaseModel):
    version: Literal[3]
    results: tuple[_Result, ...]
    prompts: tuple[_Prompt, ...] = ()


class _About(BaseModel):
    version: str = Field("", alias="promptfooVersion")


class _Config(BaseModel):
    description: str | None = None
    default_test: Any = Field(None, alias="defaultTest")


class _File(BaseModel):
    results: _Results
    config: _Config = _Config()
    metadata: _About = _About()


def read(data: bytes) -> Record:
    """Raises UnreadableError."""
    file = parsed(_File, data, NAME)
    results = file.results.results
    ids = list(_ids(results))
    record = Record(
        tool=NAME,
        tool_version=file.metadata.version,
        subject=file.config.description or NAME,
        suite_hash=suite_hash(map(_row, ids, results), file.config.default_test),
        model=", ".join(sorted({result.provider.id for result in results})),
        prompt_hash=digest(sorted({prompt.raw for prompt in file.results.prompts})),
        metrics=shares(_scores(results)),
        cases=tuple(map(_case, ids, results)),
    )
    return record.measured()


def _ids(results: tuple[_Result, ...]) -> Iterator[str]:
    """A test's description, or its variables; with which provider and prompt, where there are several."""
    providers = {result.provider.id for result in results}
    prompts = {result.prompt_index for result in results}
    repeated = Counter(_key(result) for result in results)
    seen: Counter[Any] = Counter()
    for result in results:
        key = _key(result)
        seen[key] += 1
        named = [_name(result)]
        named += [result.provider.label or result.provider.id] if len(providers) > 1 else []
        named += [f"prompt {result.prompt_index + 1}"] if len(prompts) > 1 else []
        named += [f"run {seen[key]}"] if repeated[key] > 1 else []
        yield case_id(" | ".join(named))


def _key(result: _Result) -> tuple[int, int, str]:
    """Which test with what: several results of one are repetitions (`--repeat`)."""
    return result.test_index, result.prompt_index, result.provider.id


def _name(result: _Result) -> str:
    return result.test.description or plain(str(result.test.vars or f"test {result.test_index + 1}"), 150)


def _case(name: str, result: _Result) -> Case:
    error = plain(result.error or "it had an error", 300) if result.failure_reason == 2 else None
    return Case(
        id=name,
        passed=result.success and not error,
        score=result.score,
        latency_ms=result.latency,
        cost_usd=result.cost,
        tokens=result.usage.total if result.usage else None,
        critical="critical" in tags_of(result.test.metadata),
        error=error,
        tags=tags_of(result.test.metadata),
    )


def _scores(results: Iterable[_Result]) -> Iterator[tuple[str, float]]:
    """The mean of what assertions with a `metric` gave. Errors count as nothing: they have no scores."""
    for result in results:
        yield from ((f"{name}_score", score) for name, score in result.named_scores.items())


def _row(name: str, result: _Result) -> list[Any]:
    return [name, result.test.vars, result.test.assert_, sorted(tags_of(result.test.metadata))]
