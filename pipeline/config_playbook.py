"""`playbook.toml`, the product's file: how it is tested, built, deployed and watched."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from pipeline.config_values import (
    ArgName,
    Argv,
    CheckoutPath,
    ContainerPath,
    Duration,
    EnvName,
    FlagKey,
    ImageName,
    Model,
    Name,
    Size,
)
from pipeline.config_watch import Watch

Skippable = Literal["test", "evaluation", "staging-checks", "checklist", "watch", "after"]
"""Stages that a playbook may let people skip. The others are what a release is."""

SHARES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75)
"""The canary's possible shares in percent: each is a route the proxy has from its start (never reloaded)."""


class Limited(Model):
    """What a container may use at most: bytes of memory, processors, processes and threads together."""

    memory: Size | None = None
    cpus: Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False)] | None = None
    pids: Annotated[int, Field(ge=1, le=4_000_000)] | None = None


class Recipe(Model):
    """How a component's image is built: a Dockerfile of the repository, the stage in it, its arguments."""

    dockerfile: CheckoutPath = "Dockerfile"
    target: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$")] | None = None
    args: Mapping[ArgName, str] = {}


class Container(Limited):
    """The container that a command runs in: of a named image, or of the image just built of a component."""

    image: ImageName | None = None
    component: Name | None = None
    network: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "Container":
        if (self.image is None) == (self.component is None):
            raise ValueError("name either an image or a component, whose image is taken")
        return self


class Component(Limited):
    """One deployable part of the product: what its image is made of, and how it runs."""

    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    build: tuple[Argv, ...] = ()
    image: Recipe | None = None
    run: Argv
    route: Annotated[str, Field(pattern=r"^/")] | None = None
    health: str = "/healthz"
    version: str = "/version"
    grace: Duration = timedelta(seconds=10)
    ready_timeout: Duration = timedelta(seconds=30)
    volumes: Mapping[Name, ContainerPath] = {}
    overlap: bool = False

    @model_validator(mode="after")
    def _one_volume_at_a_path(self) -> "Component":
        paths = list(self.volumes.values())
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"volumes has two names for {twice[0]}; a path is one volume's")
        return self


class Check(Model):
    """A command that must succeed. `{output}` in it stands for the path of its report."""

    run: Argv
    timeout: Duration = timedelta(minutes=10)
    container: Container | None = None


class Suite(Check):
    """A command that writes JUnit XML to `{output}`; the `required` steps must be there and passed.

    The steps of `dry_run` must say for themselves that they changed nothing outside: by the property `dry_run` of
    their test case, "true" (pytest's `record_property`).
    """

    required: tuple[str, ...] = ()
    dry_run: tuple[str, ...] = ()


Limit = Annotated[float, Field(allow_inf_nan=False)]


class Evaluation(Check):
    """The LLM evaluation: a command that writes its tool's report to `{output}`, or into a folder of that name.

    Without a `format` the report is pydantic-evals' or the neutral record. `critical` are ids or tags of cases that
    must pass; `narrow` is the share of a limit by which it may be missed for an approver to be asked. `rerun` runs
    the cases `{cases}` alone.
    """

    format: Literal["neutral", "pydantic-evals", "promptfoo", "inspect-ai", "deepeval", "junit"] | None = None
    cases: Annotated[int, Field(ge=1)]
    minimum: Mapping[str, Limit] = {}
    maximum: Mapping[str, Limit] = {}
    critical: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    narrow: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.1
    rerun: Argv | None = None
    most_lost: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _rerun_names_its_cases(self) -> "Evaluation":
        if self.rerun and not any("{cases}" in word for word in self.rerun):
            raise ValueError("rerun should have {cases} in it: the cases that it runs again")
        return self


Contraction = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.$]{0,199}$")]


class Migrations(Model):
    """The product's Alembic migrations.

    `lock_timeout` and `statement_timeout` are PostgreSQL's, for each statement; without the second one it is
    `timeout`. `contractions` are tables (`charges`) and columns (`charges.note`) that this version does not need any
    more: a later release may take them away.
    """

    config: str = "alembic.ini"
    url_env: EnvName = "DATABASE_URL"
    timeout: Duration = timedelta(minutes=10)
    lock_timeout: Duration = timedelta(seconds=5)
    statement_timeout: Duration | None = None
    contractions: tuple[Contraction, ...] = ()


class Flags(Model):
    """The flags file (flagd's JSON format) and the state each named flag must have to be safe.

    `kill_switches` are those with a button in Slack; not given, all of `safe`. `variable` is the variable in which
    the product's services are told the path of their environment's flags file.
    """

    file: CheckoutPath
    safe: Mapping[FlagKey, StrictBool]
    kill_switches: tuple[FlagKey, ...] | None = None
    variable: EnvName = "FLAGS_FILE"

    @model_validator(mode="after")
    def _switches_have_a_safe_state(self) -> "Flags":
        if unknown := [key for key in self.kill_switches or () if key not in self.safe]:
            raise ValueError(f"kill_switches names {unknown[0]!r}, which has no state in safe; add it there")
        return self

    @property
    def switches(self) -> tuple[str, ...]:
        """The flags with a button."""
        return tuple(self.safe) if self.kill_switches is None else self.kill_switches


class Item(Model):
    """A checklist item. With `proof` the bot ticks it itself, with evidence; without, a person does.

    One that is not `required` may stay open: the release goes on, and who approves it reads so.
    """

    key: Name
    title: Annotated[str, Field(min_length=3, max_length=150)]
    proof: (
        Literal[
            "tests",
            "evaluation",
            "migrations",
            "secrets",
            "flags",
            "staging",
            "smoke",
            "dashboard",
            "logs",
            "limits",
        ]
        | None
    ) = None
    required: StrictBool = True


class Checklist(Model):
    before: tuple[Item, ...] = ()
    after: tuple[Item, ...] = ()


class Canary(Model):
    """Steps in percent of the requests, each held for `hold` before the next. With `ask` a person decides after the
    last one whether everybody gets the new version. `inconclusive`: what becomes of limits on which nothing can be said
    by then."""

    steps: tuple[int, ...] = (10,)
    hold: Duration = timedelta(minutes=5)
    ask: bool = False
    inconclusive: Literal["ask", "go-on"] = "ask"

    @model_validator(mode="after")
    def _known_and_rising(self) -> "Canary":
        if any(step not in SHARES for step in self.steps) or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps should rise and be out of {', '.join(map(str, SHARES))}")
        return self


class Risk(Model):
    """A standing risk of the product, with what is done about it and how it is undone. With `paths` it applies to
    releases that change something there; without, to all."""

    id: Annotated[str, Field(min_length=1, max_length=40)]
    title: Annotated[str, Field(min_length=1)]
    mitigation: Annotated[str, Field(min_length=1)]
    way_back: str | None = None
    paths: tuple[CheckoutPath, ...] = ()


class Requirements(Model):
    """Names (never values) that an environment needs."""

    env: tuple[EnvName, ...] = ()
    secrets: tuple[EnvName, ...] = ()


class Playbook(Model):
    """playbook.toml: how this product is tested, built, deployed and watched; read at the released commit."""

    product: Name
    components: Annotated[Mapping[Name, Component], Field(min_length=1)]
    tests: Annotated[Mapping[Name, Check], Field(min_length=1)]
    evaluation: Evaluation | None = None
    migrations: Migrations | None = None
    seed: Check | None = None
    smoke: Suite
    e2e: Suite | None = None
    flags: Flags | None = None
    requires: Mapping[Name, Requirements] = {}
    checklist: Checklist = Checklist()
    canary: Canary = Canary()
    watch: Watch = Watch()
    risks: tuple[Risk, ...] = ()
    skippable: tuple[Skippable, ...] = ()

    @model_validator(mode="after")
    def _risks_have_ids_of_their_own(self) -> "Playbook":
        ids = [risk.id for risk in self.risks]
        if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise ValueError(f"risks has {twice[0]!r} twice; an id is one risk's")
        return self

    @model_validator(mode="after")
    def _containers_name_components(self) -> "Playbook":
        for key, check in self.checks().items():
            name = check.container.component if check.container else None
            if name and name not in self.components:
                raise ValueError(f"{key}.container names the component {name!r}; there is none of that name")
        return self

    def checks(self) -> Mapping[str, Check]:
        """Every command of the playbook by its key in the file."""
        single = {"seed": self.seed, "evaluation": self.evaluation, "smoke": self.smoke, "e2e": self.e2e}
        tests = {f"tests.{name}": check for name, check in self.tests.items()}
        return tests | {key: check for key, check in single.items() if check is not None}
