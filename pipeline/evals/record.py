"""The neutral result record: what every evaluation tool's own report is turned into. Pure."""

import hashlib
import json
import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from pipeline.plain import plain

LONGEST_ID = 200
"""Characters of a case's id; a longer one is cut, and a hash of the whole keeps it apart from others."""

MOST_TOKENS = 10**15
"""More tokens than this are no measurement."""

AnyModel = TypeVar("AnyModel", bound=BaseModel)


class UnreadableError(Exception):
    """A report that cannot be read. `code` names the sentence (handlers/text/evaluations.py), `facts` fill it in."""

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code, facts)
        self.code, self.facts = code, facts


class Case(BaseModel):
    """One case of the suite, as it ended: times in milliseconds, cost in US dollars.

    `error`: it was not measured, so that neither passed nor failed is known. `tags` are words by which the
    playbook may call it critical.
    """

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
    passed: StrictBool
    score: float | None = None
    latency_ms: float | None = None
    cost_usd: float | None = None
    tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    critical: StrictBool = False
    error: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def measures(self) -> dict[str, float | None]:
        """Everything of it that is a number."""
        return {"score": self.score, "latency_ms": self.latency_ms, "cost_usd": self.cost_usd}


class Record(BaseModel):
    """One run of a suite. `model` is empty where the tool does not say which it was."""

    model_config = ConfigDict(frozen=True)

    tool: str
    tool_version: str
    subject: str
    suite_hash: Annotated[str, Field(min_length=1)]
    model: str
    prompt_hash: str
    errors: tuple[str, ...] = ()
    metrics: Mapping[str, float] = {}
    cases: tuple[Case, ...]

    def measured(self) -> "Record":
        """The same with the metrics that can be told from the cases, where the tool gives none of that name."""
        return self.model_copy(update={"metrics": {**of_cases(self.cases), **self.metrics}})

    def kept(self) -> str:
        """What the next release is compared with, as JSON: which cases passed, without each one's measurements."""
        cases = tuple(Case(id=case.id, passed=case.passed) for case in self.cases)
        return self.model_copy(update={"cases": cases}).model_dump_json(exclude_defaults=True)


def of_cases(cases: tuple[Case, ...]) -> dict[str, float]:
    """Metrics of a run: each only where every case has its part of it, as a sum of some would look too good."""
    if not cases:
        return {}
    found = {"accuracy": sum(case.passed for case in cases) / len(cases)}
    scores = _all(case.score for case in cases)
    costs = _all(case.cost_usd for case in cases)
    tokens = _all(case.tokens for case in cases)
    found |= {"score": _mean(scores)} if scores else {}
    found |= {"cost_usd": _sum(costs)} if costs else {}
    found |= {"tokens": _sum(tokens)} if tokens else {}
    return found | _latencies(_all(case.latency_ms for case in cases))


def _latencies(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    names = ("latency_ms_mean", "latency_ms_p50", "latency_ms_p95", "latency_ms_max")
    if not _finite(values):
        return dict.fromkeys(names, math.nan)
    cuts = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else values * 20
    return dict(zip(names, (_mean(values), cuts[9], cuts[18], max(values)), strict=True))


def _all(values: Iterable[float | None]) -> list[float]:
    """Every value; none at all when one is missing."""
    found = list(values)
    return [value for value in found if value is not None] if None not in found else []


def _finite(values: list[float]) -> bool:
    return all(map(math.isfinite, values))


def _sum(values: list[float]) -> float:
    """NaN where a value is no number, or the sum is more than a float holds: nothing that was measured."""
    if not _finite(values):
        return math.nan
    try:
        return math.fsum(values)
    except OverflowError:
        return math.nan


def _mean(values: list[float]) -> float:
    return _sum(values) / len(values)


def shares(judged: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean of each name's values, over the cases that have one."""
    by_name: dict[str, list[float]] = {}
    for name, value in judged:
        by_name.setdefault(name, []).append(value)
    return {name: _mean(values) for name, values in by_name.items()}


# ------------------------------------------------------------- for the readers


def parsed(model: type[AnyModel], data: bytes, format_: str) -> AnyModel:
    """Read JSON as a tool's own form. Raises UnreadableError naming the place that is not as it should be."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise unreadable(error, format_) from error


def unreadable(error: ValidationError, format_: str) -> UnreadableError:
    """The first mistake of a report, in words."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the report"
    return UnreadableError(
        "report_unreadable", format=format_, place=plain(place, 80), why=plain(first["msg"])
    )


def case_id(name: str) -> str:
    """A case's id as it is kept. Never empty, never longer than LONGEST_ID."""
    if len(name) <= LONGEST_ID:
        return name or "(no name)"
    return f"{name[: LONGEST_ID - 12]}…{digest(name)[7:17]}"


def digest(anything: Any) -> str:
    """The hash of plain data, whatever the order of its keys."""
    canonical = json.dumps(anything, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def suite_hash(cases: Iterable[Any], assertions: Any = None) -> str:
    """The hash of a suite: its cases (ids, inputs, what is expected) and assertions, whatever their order."""
    rows = sorted(json.dumps(case, sort_keys=True) for case in cases)
    return digest({"cases": rows, "assertions": assertions})


def tags_of(metadata: Any) -> tuple[str, ...]:
    """A case's metadata as words: each of its `tags`, `key=value`, and `key` for what is true."""
    if not isinstance(metadata, Mapping):
        return ()
    named = metadata.get("tags")
    words = [str(tag) for tag in named] if isinstance(named, list) else []
    for key, value in metadata.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            words.append(f"{key}={value}")
        elif value is True:
            words.append(str(key))
    return tuple(word[:LONGEST_ID] for word in words)


def text_of(metadata: Any, name: str) -> str:
    """One text of a tool's free-form metadata; empty when it is not there."""
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    return value if isinstance(value, str) else ""


def number_of(values: Any, *names: str) -> float | None:
    """The first of these numbers that is there."""
    found = values if isinstance(values, Mapping) else {}
    numbers = (found.get(name) for name in names)
    return next((float(n) for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)), None)


def tokens_of(value: float | None) -> int | None:
    """A number of tokens; None when it cannot be one."""
    return int(value) if value is not None and 0 <= value <= MOST_TOKENS else None
