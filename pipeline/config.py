"""The two files of configuration: `bot.toml` (the operator's, here) and `playbook.toml` (the product's).

Who may approve stands in the operator's file, so that no commit can approve itself; for the same reason only
the operator's file may name folders of the machine. Relative paths are relative to the file's folder.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.config_email import Customers, Email
from pipeline.config_flags import LAUNCHDARKLY, FlagsAt
from pipeline.config_people import Approval, EnvironmentPeople, People
from pipeline.config_playbook import (
    SHARES,
    Canary,
    Check,
    Checklist,
    Component,
    Container,
    Evaluation,
    Flags,
    Item,
    Limited,
    Migrations,
    Playbook,
    Recipe,
    Requirements,
    Risk,
    Suite,
)
from pipeline.config_reminders import Digest, Reminders
from pipeline.config_values import (
    ArgName,
    ContainerPath,
    Days,
    Duration,
    EnvName,
    ImageName,
    Model,
    Name,
)
from pipeline.config_watch import Watch, WatchLimit
from pipeline.config_windows import Freeze, MigrationWindow, ZoneName
from pipeline.loading import load, parse
from pipeline.selectors import matchers

__all__ = [
    "LAUNCHDARKLY",
    "SHARES",
    "Approval",
    "BotFile",
    "Canary",
    "Check",
    "Checklist",
    "Component",
    "Container",
    "Customers",
    "Digest",
    "Docker",
    "Email",
    "Environment",
    "EnvironmentPeople",
    "Environments",
    "Evaluation",
    "Flags",
    "FlagsAt",
    "Freeze",
    "Item",
    "Limited",
    "MigrationWindow",
    "Migrations",
    "Model",
    "Pace",
    "People",
    "Playbook",
    "Product",
    "Prometheus",
    "Recipe",
    "Reminders",
    "Requirements",
    "Retention",
    "Risk",
    "SlackNames",
    "Suite",
    "Watch",
    "WatchLimit",
    "load",
    "paced",
    "parse",
]


def _mountable(value: str) -> str:
    if not re.fullmatch(r"/[^:,\0\n]*|[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}", value) or ".." in value.split("/"):
        raise ValueError("should be an absolute path of the engine's machine, or the name of a volume")
    return value


def _conditions(value: str) -> str:
    if not matchers(value):
        raise ValueError('should be conditions on labels, such as version="$version"')
    return value


Mountable = Annotated[str, AfterValidator(_mountable)]


class Environment(Model):
    """Where a product runs. Secrets are read from the bot's own environment as PRODUCT_ENVIRONMENT_NAME.

    `sticky`: during a canary a browser stays with the version that it met first (by a cookie).
    """

    target: Literal["local", "docker"] = "local"
    url: Annotated[str, Field(pattern=r"^http://(127\.0\.0\.1|localhost):\d{2,5}$")]
    first_port: Annotated[int, Field(ge=1024, le=65000)]
    sticky: bool = False
    env: Mapping[EnvName, str] = {}
    mounts: Mapping[Mountable, ContainerPath] = {}
    user: Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_.-]*(:[a-z0-9_][a-z0-9_.-]*)?$")] | None = None
    people: EnvironmentPeople = EnvironmentPeople()

    @model_validator(mode="after")
    def _only_containers_have_mounts(self) -> "Environment":
        if self.target == "local" and (self.mounts or self.user):
            raise ValueError('mounts and user are for containers; add target = "docker", or leave them out')
        return self


class Environments(Model):
    staging: Environment
    production: Environment

    @model_validator(mode="after")
    def _one_kind_of_target(self) -> "Environments":
        if self.staging.target != self.production.target:
            raise ValueError(
                f'staging has target = "{self.staging.target}" and production "{self.production.target}"; what '
                "was tested in staging is what runs in production, so that both should have the same"
            )
        return self


class Docker(Model):
    """The engine that builds and runs a product. `args` win over the playbook's arguments of the same name."""

    host: Annotated[str, Field(pattern=r"^(unix:///|tcp://)[^\s]+$")] | None = None
    registry: (
        Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:\d{1,5})?(/[a-z0-9][a-z0-9._-]*)*$")] | None
    ) = None
    router_image: ImageName = "caddy:2"
    args: Mapping[ArgName, str] = {}


class Prometheus(Model):
    """Where the product's measurements are collected. `match` tells one version's series from the other's: conditions
    on labels, in which `$version` and `$slot` stand for the version's own. Its token is PRODUCT_PROMETHEUS_TOKEN."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]
    match: Annotated[str, AfterValidator(_conditions)] = 'version="$version"'


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
    language: Literal["en", "pt-BR"] = "en"
    compare_url: str | None = None
    commit_url: str | None = None
    people: People
    teams: tuple[str, ...] = ()
    approval: Approval = Approval()
    reminders: Reminders = Reminders()
    digest: Digest | None = None
    timezone: ZoneName = "UTC"
    freezes: tuple[Freeze, ...] = ()
    migration_windows: tuple[MigrationWindow, ...] = ()
    schedule_grace: Duration = timedelta(hours=1)
    environments: Environments
    docker: Docker = Docker()
    flags: FlagsAt = FlagsAt()
    email: Email | None = None
    customers: Customers | None = None
    prometheus: Prometheus | None = None
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _customers_are_written_to_by_a_server(self) -> "Product":
        if self.customers and self.customers.to and self.email is None:
            raise ValueError(
                "customers.to has addresses, and no email names a server; add [products.NAME.email]"
            )
        return self


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
