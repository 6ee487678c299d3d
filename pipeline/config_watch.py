"""The `[watch]` of playbook.toml: the time after production, and the limits that the product's numbers must keep."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.config_values import Duration, Model, Name
from pipeline.selectors import selector

Policy = Literal["off", "propose", "do"]
"""What a broken limit does: nothing but being told, a proposal to go back, or going back."""

MOST_WINDOWS = 2_000


def _selector(value: str) -> str:
    selector(value)
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"should be a regular expression: {error}") from error
    return value


SelectorText = Annotated[str, AfterValidator(_selector)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Number = Annotated[float, Field(allow_inf_nan=False)]

_WANTED = {"error-rate": ("metric", "errors"), "latency": ("metric",), "cost": ("metric",), "gauge": ()}
_ALLOWED = {
    "error-rate": {"metric", "errors"}, "latency": {"metric"}, "cost": {"metric", "per"}, "gauge": {"metric", "query"},
}  # fmt: skip


class WatchLimit(Model):
    """A limit on what the product measures: never over `most`, and not `effect` times as much as before.

    error-rate: the part of `metric` (a counter) that `errors` are. latency: the `quantile` of `metric` (a histogram,
    in its own unit). cost: the growth of `metric` (a counter) in an hour, or for each one of `per`. gauge: `metric`,
    or the number of a PromQL `query`. `requests` are needed before anything is said; a comparison and a ceiling
    without a number of requests must hold over `sustained` windows.
    """

    name: Name
    kind: Literal["error-rate", "latency", "cost", "gauge"]
    metric: SelectorText | None = None
    errors: SelectorText | None = None
    per: SelectorText | None = None
    query: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.95
    most: Annotated[Number, Field(ge=0)] | None = None
    effect: Annotated[Number, Field(ge=1.1)] | None = None
    policy: Policy = "propose"
    requests: Annotated[int, Field(ge=1)] = 20
    sustained: Annotated[int, Field(ge=1, le=20)] = 2

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "WatchLimit":
        given = {name for name in ("metric", "errors", "per", "query") if getattr(self, name) is not None}
        if missing := [name for name in _WANTED[self.kind] if name not in given]:
            raise ValueError(f"a limit of kind {self.kind} should have {' and '.join(missing)}")
        if extra := sorted(given - _ALLOWED[self.kind]):
            raise ValueError(f"a limit of kind {self.kind} has no {' and no '.join(extra)}; leave it out")
        if self.kind == "gauge" and len(given) != 1:
            raise ValueError("a limit of kind gauge should have either a metric or a query")
        if self.most is None and self.effect is None:
            raise ValueError("a limit should have a ceiling (most), a comparison (effect), or both")
        if self.kind == "error-rate" and self.most is not None and self.most >= 1:
            raise ValueError("most of an error-rate should be a part of 1, such as 0.05 for 5 %")
        return self


class Watch(Model):
    """The time after production: `critical` is the pattern of a log line that must not appear, `errors` of one that
    must not be new; `restarts`: what it does that services end by themselves.

    `metrics` is the page where the product shows its numbers, as a path at its own address;
    `before` is how long the version in service is measured at most, before the release touches it."""

    duration: Duration = timedelta(minutes=30)
    every: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=15)
    critical: Pattern = r"\b(CRITICAL|FATAL)\b"
    errors: Pattern = r"\bERROR\b"
    new_errors: Policy = "off"
    restarts: Policy = "off"
    dashboard: str | None = None
    dashboard_shows: tuple[str, ...] = ()
    metrics: Annotated[str, Field(pattern=r"^/[^\s]*$")] | None = None
    before: Duration = timedelta(minutes=10)
    limits: tuple[WatchLimit, ...] = ()

    @model_validator(mode="after")
    def _names_once(self) -> "Watch":
        names = [limit.name for limit in self.limits]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"limits has two of the name {twice[0]}; each needs its own")
        return self

    @model_validator(mode="after")
    def _windows_can_be_kept(self) -> "Watch":
        if self.limits and max(self.duration, self.before) / self.every > MOST_WINDOWS:
            raise ValueError(f"every is too short for this duration: {MOST_WINDOWS} windows are kept at most")
        return self
