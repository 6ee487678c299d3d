"""Wiring: the only file that names concrete adapters."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from secrets import token_hex

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import make_url

from bot.app import Sockets, bolt_app, web_client
from bot.clock import Metronome
from bot.counted import Calls
from bot.gauges import Gauges
from bot.ofrep import Ofrep
from bot.pages import open_page
from bot.pulse import Pulse
from bot.runners import ByContainer
from bot.server import Server
from bot.settings import Settings
from handlers.desk import Desk
from handlers.directory import SlackDirectory
from handlers.feed import Feed
from handlers.letters.writing import Letters
from handlers.register import register
from pipeline import environment
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
from pipeline.adapters.flags.http import CLIENT, Secrets
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
from pipeline.care import Care
from pipeline.chain import Seal
from pipeline.config import LAUNCHDARKLY, BotFile, Product, load
from pipeline.context import Ports
from pipeline.digest import Digests
from pipeline.engine import Engine
from pipeline.errors import ConfigError, StoreError
from pipeline.listening import Listener
from pipeline.mailing import Mailing
from pipeline.outbox import Outbox
from pipeline.pacing import slack
from pipeline.ports import Builder, DeployTarget, Directory, FlagStore, Mailer, Metrics, Runner
from pipeline.redact import Redactor
from pipeline.reminding import Reminding
from pipeline.retention import Retention
from pipeline.service import Service
from pipeline.store import Database
from pipeline.timekeeper import Timekeeper

log = structlog.get_logger()

COMMITTER = ("Release bot", "release-bot@localhost")

IMAGES = "images"
"""The folder of images that are folders."""

PEERS_TURN = 60.0
"""Seconds to wait for another bot of this machine that is at the same environment: a release that moved from a
stalled bot to this one must not fail because the other one still holds the files."""

Redact = Callable[[str], str]
MakePorts = Callable[[str, Product, Path, Directory, Redact], Ports]
"""Makes one product's world outside: its name and settings, the state folder, who people are, redaction."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def read_config(path: Path, own_team: str = "") -> BotFile:
    """bot.toml, with relative repositories made absolute and the bot's own workspace allowed. Raises ConfigError."""
    config = load(BotFile, path)
    folder = path.absolute().parent
    products = {name: _settled(product, folder, own_team) for name, product in config.products.items()}
    _distinct_ports(products)
    return config.model_copy(update={"products": products})


def _settled(product: Product, folder: Path, own_team: str) -> Product:
    local = "://" not in product.repository and not product.repository.partition(":")[0].count("@")
    repository = str((folder / product.repository).resolve()) if local else product.repository
    teams = tuple({*product.teams, own_team} - {""})
    email = product.email
    if email and email.ca_file:
        email = email.model_copy(update={"ca_file": (folder / email.ca_file).resolve()})
    return product.model_copy(update={"repository": repository, "teams": teams, "email": email})


def _distinct_ports(products: dict[str, Product]) -> None:
    """Two environments on the same ports would serve each other's users."""
    taken: dict[int, str] = {}
    for name, product in products.items():
        for where in ("staging", "production"):
            settings = getattr(product.environments, where)
            for port in (settings.first_port, int(settings.url.rsplit(":", 1)[1])):
                mine = f"{name}.{where}"
                if taken.setdefault(port, mine) != mine:
                    raise ConfigError(
                        f"bot.toml: {mine} and {taken[port]} both use port {port}. Give each its own."
                    )


def secret_of(product: str, where: str, name: str) -> str | None:
    """A product's secret, from the bot's own environment."""
    return os.environ.get(environment.secret_name(product, where, name)) or None


def secret_names(product: str, where: str) -> tuple[str, ...]:
    """The names of a product's secrets that are set for an environment in the bot's own."""
    prefix = environment.secret_name(product, where, "")
    return tuple(
        name.removeprefix(prefix) for name, value in os.environ.items() if name.startswith(prefix) and value
    )


def redactor(settings: Settings, config: BotFile) -> Redactor:
    """Masks the tokens and every product's secrets wherever they would be stored or sent."""
    tokens = [settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret]
    tokens += [settings.releasebot_audit_key, settings.releasebot_shadow_url]
    prefixes = tuple(environment.secret_name(name, where, "") for name in config.products
                     for where in ("staging", "production"))  # fmt: skip
    prefixes += tuple(environment.secret_name(name, where, "password") for name in config.products
                      for where in ("registry", "email"))  # fmt: skip
    prefixes += tuple(environment.secret_name(name, "prometheus", "token") for name in config.products)
    secrets = [value for name, value in os.environ.items() if name.startswith(prefixes)]
    return Redactor([*(token.get_secret_value() for token in tokens), *secrets])


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


class Bot:
    """The whole process, ready to start. `outside` makes each product's world; tests bring their own."""

    def __init__(self, settings: Settings, config: BotFile, outside: MakePorts = make_ports) -> None:
        self.settings, self.config = settings, config
        self.redact = redactor(settings, config)
        self.db = Database(settings.database_url, Seal(settings.audit_key, self.redact))
        self.client = web_client(settings)
        directory = SlackDirectory(self.client)
        state = settings.releasebot_state.absolute()
        self.ports = cache(lambda name: outside(name, config.products[name], state, directory, self.redact))
        owner = f"{socket.gethostname()[:50]}:{os.getpid()}:{token_hex(4)}"  # a container's pid comes again
        self.service = Service(self.db, config, self.ports, utc_now, self.nudge)
        self.engine = Engine(self.db, self.ports, utc_now, owner, committed=self.nudge_outbox)
        feed, pace = (
            Feed(self.client, self.service.product, self.service.folder),
            slack(settings.releasebot_edits_per_minute),
        )
        self.outbox = Outbox(self.db, feed, utc_now, owner, pace)
        letters, mailers = Letters(directory), {name: mailer(name, p) for name, p in config.products.items()}
        mailing = Mailing(self.db, self.service.product, mailers.get, letters.write, self.redact, utc_now)
        self.mails = Outbox(self.db, mailing, utc_now, owner, mails=True)
        self.desk = Desk(self.service, self.client, owner)
        self.pulse = Pulse()
        self.app = bolt_app(settings, self.client, self.pulse.has_stalled)
        register(self.app, self.desk)
        self.sockets = Sockets(self.app, settings) if settings.slack_mode == "socket" else None
        self.registry = CollectorRegistry()
        over_http = None if self.sockets else self.app
        flags = Ofrep(self.flags_file, partial(secret_of, name=CLIENT))
        self.server = Server(
            settings.releasebot_host,
            settings.releasebot_port,
            self.missing,
            self.registry,
            over_http,
            flags.routes(),
        )
        self.gauges, self.client.calls = Gauges(self.registry), Calls(self.registry)
        self.care = Care(self.db, self.ports)
        self.retention = Retention(self.db, config, self.ports, utc_now)
        self.reminding = Reminding(self.db, config, self.ports, utc_now, self.nudge_outbox)
        self.digests = Digests(self.service, self.nudge_outbox)
        self.timekeeper = Timekeeper(self.service, owner)
        self.metronome = Metronome()
        self.loops: list[asyncio.Task[None]] = []
        self.listening: asyncio.Task[None] | None = None

    def flags_file(self, product: str, where: str) -> Path | None:
        """The file of an environment's flags, where the bot keeps them itself."""
        found = self.ports(product).flags.get(where) if product in self.config.products else None
        return found.path if isinstance(found, FileFlags) else None

    def start_loops(self) -> None:
        """Start what runs for as long as the process: releases, messages, hearing the other bots."""
        self.pulse.start()
        self.loops = [asyncio.create_task(each.run()) for each in (self.engine, self.outbox, self.mails)]
        if not self.db.sqlite:
            self.listening = asyncio.create_task(Listener(self.db, self.nudge).run())
            self.loops.append(self.listening)

    def nudge(self, release_id: str = "") -> None:
        """Something was committed (on this release, or anywhere): engine and outbox look at once."""
        self.engine.nudge(release_id)
        self.nudge_outbox()

    def look(self) -> None:
        """The clock's beat: has anything become due?"""
        self.engine.look()
        self.nudge_outbox()

    def nudge_outbox(self) -> None:
        self.outbox.nudge()
        self.mails.nudge()

    async def missing(self) -> list[str]:
        """What keeps the bot from being ready, in words."""
        found = []
        try:
            await self.db.ping()
        except StoreError:
            found.append(f"the database does not answer: {self.redact(self.db.outage.why)}")
        if self.sockets and not self.sockets.alive:
            found.append("no Socket Mode connection to Slack")
        return found

    async def heal(self) -> None:
        """Look after what runs outside the bot: connections, routers, services."""
        if self.sockets:
            await self.sockets.heal()
        if self.db.outage.why:
            await self.db.ping()
        for name in self.config.products:
            await self.care.look_after(name)
