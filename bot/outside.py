"""Each product's world outside: which adapters it is made of."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy.engine import make_url

from bot.pages import open_page
from bot.reading import secret_names, secret_of
from bot.runners import ByContainer
from pipeline.adapters import postgres_backup, sqlite_backup
from pipeline.adapters.alembic_files import AlembicDatabase
from pipeline.adapters.artifacts import ArtifactStore
from pipeline.adapters.cliff import CliffChangelog
from pipeline.adapters.commands import LocalRunner
from pipeline.adapters.docker.builder import DockerBuilder
from pipeline.adapters.docker.engine import Engine as DockerEngine
from pipeline.adapters.docker.runner import ContainerRunner
from pipeline.adapters.docker.shelf import Registry, Shelf
from pipeline.adapters.docker.target import docker_target
from pipeline.adapters.flags.file import FileFlags
from pipeline.adapters.flags.http import Secrets
from pipeline.adapters.flags.launchdarkly import LaunchDarklyFlags
from pipeline.adapters.flags.unleash import UnleashFlags
from pipeline.adapters.git import GitRepository
from pipeline.adapters.leaks import PatchScanner
from pipeline.adapters.local.target import local_target
from pipeline.adapters.prometheus import PrometheusMetrics
from pipeline.adapters.scrape import ScrapedMetrics
from pipeline.adapters.shadow.judge import ShadowJudge
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.adapters.shadow.proof import RestoredBackup
from pipeline.adapters.smtp import SmtpMailer
from pipeline.config import LAUNCHDARKLY, Product
from pipeline.context import Ports
from pipeline.ports import Builder, DeployTarget, Directory, FlagStore, Mailer, Metrics, Runner

COMMITTER = ("Release bot", "release-bot@localhost")

IMAGES = "images"
"""The folder of images that are folders."""

PEERS_TURN = 60.0
"""Seconds to wait for another bot of this machine that is at the same environment: a release that moved from a
stalled bot to this one must not fail because the other one still holds the files."""


def utc_now() -> datetime:
    return datetime.now(UTC)


Redact = Callable[[str], str]
MakePorts = Callable[[str, Product, Path, Directory, Redact], Ports]
"""Makes one product's world outside: its name and settings, the state folder, who people are, redaction."""


def make_ports(
    name: str,
    product: Product,
    state: Path,
    directory: Directory,
    redact: Redact,
    keeper: Keeper | None = None,
) -> Ports:
    """One product's world: its repository, builder, targets and databases. `keeper` has the server to try migrations
    on, for all products together."""
    folder = state / "products" / name
    local = LocalRunner(redact)
    runner = ByContainer(local, ContainerRunner(DockerEngine(product.docker.host), redact))
    mirror = folder / "repository.git"
    keeper = keeper or Keeper()
    return Ports(
        product=product,
        repository=GitRepository(
            url=product.repository, branch=product.branch, mirror=mirror, committer=COMMITTER
        ),
        changelog=CliffChangelog(mirror=mirror),
        scanner=PatchScanner(),
        runner=runner,
        builder=_builder(name, product, folder, runner, redact),
        database=AlembicDatabase(local),
        metrics=_metrics(name, product),
        judge=ShadowJudge(keeper),
        proof=RestoredBackup(keeper),
        targets={where: _target(name, product, where, folder, redact) for where in ("staging", "production")},
        directory=directory,
        redact=redact,
        secrets=partial(secret_of, name),
        secret_names=partial(secret_names, name),
        open_page=open_page,
        folder=folder,
        flags={where: _flags(name, product, where, folder) for where in ("staging", "production")},
    )


def _metrics(name: str, product: Product) -> Metrics:
    """Where what the product measures is read: where it is collected, else from the product itself."""
    at = product.prometheus
    return (
        PrometheusMetrics(at.url, at.match, secret_of(name, "prometheus", "TOKEN"))
        if at
        else ScrapedMetrics()
    )


def _builder(name: str, product: Product, folder: Path, runner: Runner, redact: Redact) -> Builder:
    """Makes images where the product's targets run them."""
    images = folder / "images"
    if product.environments.production.target == "local":
        return ArtifactStore(images, runner)
    engine, settings = DockerEngine(product.docker.host), product.docker
    owner = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    user, password = (secret_of(name, "registry", key) or "" for key in ("USER", "PASSWORD"))
    registry = Registry(settings.registry, user, password) if settings.registry else None
    return DockerBuilder(engine, Shelf(engine, name, owner, registry), images, redact, settings.args)


def _target(name: str, product: Product, where: str, folder: Path, redact: Redact) -> DeployTarget:
    """One environment, of processes of this machine or of containers."""
    config = getattr(product.environments, where)
    make = (
        partial(local_target, artifacts=folder / "images")
        if config.target == "local"
        else partial(docker_target, docker=product.docker)
    )
    return make(
        product=name,
        environment=where,
        config=config,
        state=folder / where,
        redact=redact,
        patience=PEERS_TURN,
    )


def _flags(name: str, product: Product, where: str, folder: Path) -> FlagStore:
    """Where one environment's feature flags are kept."""
    at, secrets = product.flags, Secrets(name, where, secret_of)
    if at.provider == "unleash":
        return UnleashFlags(str(at.url), at.project or "default", at.environment(where), secrets)
    if at.provider == "launchdarkly":
        url = at.url or LAUNCHDARKLY
        return LaunchDarklyFlags(url, at.sdk_url, str(at.project), at.environment(where), secrets)
    return FileFlags(folder / "flags" / where, secrets.title)


def mailer(name: str, product: Product) -> Mailer | None:
    """A product's mail server, where bot.toml names one."""
    if product.email is None:
        return None
    return SmtpMailer(product.email, f"{name} releases", partial(secret_of, name, "email", "PASSWORD"))


async def back_up(database_url: str, destination: Path) -> None:
    """Copy the bot's own database to a file. Raises DatabaseError."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        await asyncio.to_thread(sqlite_backup.back_up, url, destination)
    else:
        await postgres_backup.back_up(url, destination)
