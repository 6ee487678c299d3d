"""The two files of configuration: `bot.toml` (the operator's) and `playbook.toml` (the product's).

Who may approve stands in the operator's file, so that no commit can approve itself.
Durations are written as "90s", "30m", "2h" or as seconds; paths are relative to the file's folder.
"""

import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.loading import load as load
from pipeline.loading import parse as parse

SHARES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 75)
"""The canary's possible shares in percent: each is a route the proxy has from its start (never reloaded)."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(seconds=value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('should be a duration such as "90s", "30m" or "2h"')
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _argv(value: object) -> object:
    return tuple(shlex.split(value)) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]
Days = Annotated[Duration, Field(ge=timedelta(days=1))]
Argv = Annotated[tuple[str, ...], BeforeValidator(_argv), Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
EnvName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
UserOrGroup = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]{2,}$")]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ------------------------------------------------------------ playbook.toml


class Component(Model):
    """One deployable part of the product: what its image is made of, and how it runs."""

    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    build: tuple[Argv, ...] = ()
    run: Argv
    route: Annotated[str, Field(pattern=r"^/")] | None = None
    health: str = "/healthz"
    version: str = "/version"
    grace: Duration = timedelta(seconds=10)
    ready_timeout: Duration = timedelta(seconds=30)


class Check(Model):
    """A command that must succeed. `{output}` in it stands for the path of its report."""

    run: Argv
    timeout: Duration = timedelta(minutes=10)


class Suite(Check):
    """A command that writes JUnit XML to `{output}`; the `required` steps must be there and passed."""

    required: tuple[str, ...] = ()


class Evaluation(Check):
    """The LLM evaluation: a command that writes the neutral result record to `{output}`."""

    cases: Annotated[int, Field(ge=1)]
    minimum: Mapping[str, float] = {}
    maximum: Mapping[str, float] = {}


class Migrations(Model):
    """The product's Alembic migrations."""

    config: str = "alembic.ini"
    url_env: EnvName = "DATABASE_URL"
    timeout: Duration = timedelta(minutes=10)


class Flags(Model):
    """The flags file (flagd's JSON format) and the state each named flag must have to be safe."""

    file: str
    safe: Mapping[str, bool]


class Item(Model):
    """A checklist item. With `proof` the bot ticks it itself, with evidence; without, a person does."""

    key: Name
    title: Annotated[str, Field(min_length=3, max_length=150)]
    proof: (
        Literal[
            "tests", "evaluation", "migrations", "secrets", "flags", "staging", "smoke", "dashboard", "logs"
        ]
        | None
    ) = None


class Checklist(Model):
    before: tuple[Item, ...] = ()
    after: tuple[Item, ...] = ()


class Canary(Model):
    """Steps in percent of the requests, each held for `hold` before the next."""

    steps: tuple[int, ...] = (10,)
    hold: Duration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _known_and_rising(self) -> "Canary":
        if any(step not in SHARES for step in self.steps) or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps should rise and be out of {', '.join(map(str, SHARES))}")
        return self


class Watch(Model):
    """The time after production: `critical` is the pattern of a log line that must not appear."""

    duration: Duration = timedelta(minutes=30)
    every: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=15)
    critical: str = r"\b(CRITICAL|FATAL)\b"
    dashboard: str | None = None
    dashboard_shows: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _pattern_compiles(self) -> "Watch":
        try:
            re.compile(self.critical)
        except re.error as error:
            raise ValueError(f"critical should be a regular expression: {error}") from error
        return self


class Risk(Model):
    """A standing risk of the product, with what is done about it."""

    id: str
    title: str
    mitigation: str


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


# ----------------------------------------------------------------- bot.toml


class People(Model):
    """Slack users (U...) and user groups (S...) by what they may do."""

    start: Annotated[tuple[UserOrGroup, ...], Field(min_length=1)]
    approve: Annotated[tuple[UserOrGroup, ...], Field(min_length=1)]
    rollback: Annotated[tuple[UserOrGroup, ...], Field(min_length=1)]


class Environment(Model):
    """Where a product runs. Secrets are read from the bot's own environment as PRODUCT_ENVIRONMENT_NAME."""

    target: Literal["local"] = "local"
    url: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost):\d{2,5}$")]
    first_port: Annotated[int, Field(ge=1024, le=65000)]
    env: Mapping[EnvName, str] = {}


class Environments(Model):
    staging: Environment
    production: Environment


class Pace(Model):
    """Shorter times than the playbook's, for trials and the demo. Leave it out in earnest."""

    canary_hold: Duration | None = None
    watch: Duration | None = None
    watch_every: Duration | None = None


class Product(Model):
    """One product that the bot releases."""

    repository: str
    branch: str = "main"
    playbook: str = "playbook.toml"
    channel: Annotated[str, Field(pattern=r"^[CG][A-Z0-9]{2,}$")]
    compare_url: str | None = None
    commit_url: str | None = None
    people: People
    teams: tuple[str, ...] = ()
    approval_expires: Duration = timedelta(hours=24)
    environments: Environments
    pace: Pace = Pace()


class SlackNames(Model):
    """The slash commands as the workspace has them (names are not namespaced in Slack)."""

    release: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,31}$")] = "/release"
    approve: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,31}$")] = "/approve"
    rollback: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,31}$")] = "/rollback"


class Retention(Model):
    """How long what an ended release left behind is kept; at least a day. What people decided is kept for ever.

    What is in service, what can be gone back to and what is under way is never touched.
    """

    events: Days = timedelta(days=365)
    requests: Days = timedelta(days=30)
    files: Days = timedelta(days=90)
    backups: Days = timedelta(days=365)
    images: Days = timedelta(days=30)


class BotFile(Model):
    """bot.toml: the operator's file."""

    products: Annotated[Mapping[Name, Product], Field(min_length=1)]
    commands: SlackNames = SlackNames()
    retention: Retention = Retention()


def paced(playbook: Playbook, pace: Pace) -> Playbook:
    """The playbook with the operator's times for trials, where there are any."""
    watch = {"duration": pace.watch, "every": pace.watch_every}
    changed = {name: value for name, value in watch.items() if value is not None}
    hold = {"hold": pace.canary_hold} if pace.canary_hold is not None else {}
    parts = {
        "watch": playbook.watch.model_copy(update=changed),
        "canary": playbook.canary.model_copy(update=hold),
    }
    return playbook.model_copy(update=parts)
