"""The demo's house: a local Slack, a product with a history, and the real bot between them."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.demo.containers import DATABASES, Containers
from bot.demo.history import EXAMPLE, build_history
from bot.demo.visitors import Visitors
from bot.outside import utc_now
from bot.process import running
from bot.sandbox.manifest import read_manifest
from bot.sandbox.sandbox import Sandbox
from bot.settings import Settings
from bot.wiring import Bot
from pipeline.errors import ConfigError
from pipeline.states import ACTIVE, ReleaseStatus

PRODUCT = "core-hub"
MANIFEST = EXAMPLE.parents[1] / "manifest.yml"
PORTS = 40
"""Ports that the demo needs in a row: two environments of sixteen, their public ones, and the bot's own."""

BOT_TOML = """\
# Written by `releasebot demo`. The people and groups are those of the sandbox.
[products.core-hub]
repository = "{folder}/core-hub.git"
channel = "C0RELEASES"

[products.core-hub.approval]
needed = 1
expires = "24h"

[products.core-hub.people]
start = ["S0RELEASE"]
approve = ["S0APPROVE"]
rollback = ["S0RELEASE", "S0APPROVE", "U0SAM0003"]

[products.core-hub.environments.staging]
url = "http://127.0.0.1:{staging}"
first_port = {staging_first}
env = {{ DATABASE_URL = "sqlite:///{folder}/databases/staging.db" }}

[products.core-hub.environments.production]
url = "http://127.0.0.1:{production}"
first_port = {production_first}
env = {{ DATABASE_URL = "sqlite:///{folder}/databases/production.db" }}

# In earnest these lines are left out: a canary of minutes, a watch of half an hour.
[products.core-hub.pace]
canary_hold = "{canary}s"
watch = "{watch}s"
watch_every = "2s"
"""


@dataclass(frozen=True)
class House:
    """The running demo."""

    sandbox: Sandbox
    bot: Bot
    url: str


@contextlib.asynccontextmanager
async def open_house(
    state: Path,
    page_port: int,
    *,
    canary: float = 10,
    watch: float = 30,
    containers: Containers | None = None,
    visitors: float = 0,
) -> AsyncIterator[House]:
    """Build everything anew in `state`, with v0.1.0 in production; take everything down at the end.

    Without `containers` the product runs as processes. So many `visitors` a second use it, so that there is something
    to measure.
    """
    folder = await asyncio.to_thread(state.absolute)
    commands, shortcuts = read_manifest(MANIFEST)
    with free_ports(PORTS) as first, _own_secrets():
        await asyncio.to_thread(prepare, folder, first, canary, watch)
        if containers:
            await asyncio.to_thread(containers.settle, folder / "bot.toml", PRODUCT)
        async with (
            Sandbox(page_port, commands=commands, shortcuts=shortcuts) as sandbox,
            _at_work(settings(sandbox, folder, first + PORTS - 1), containers) as bot,
        ):
            url = f"http://127.0.0.1:{first + 1}"
            async with Visitors(url, rate=visitors, clients=2) if visitors else contextlib.nullcontext():
                yield House(sandbox, bot, url)


@contextlib.asynccontextmanager
async def _at_work(settings: Settings, containers: Containers | None) -> AsyncIterator[Bot]:
    """The bot with v0.1.0 in production. It stops before the product does: it would start that again."""
    bot = None
    try:
        async with running(settings) as bot:
            await adopt(bot, "v0.1.0")
            yield bot
    finally:
        if bot:
            await _take_down(bot, containers)


def settings(sandbox: Sandbox, folder: Path, port: int) -> Settings:
    """The same settings as for a real workspace, pointed at the sandbox."""
    return Settings(
        _env_file=None,
        slack_bot_token=SecretStr(sandbox.bot_token),
        slack_app_token=SecretStr(sandbox.app_token),
        slack_signing_secret=SecretStr(sandbox.signing_secret),
        slack_api_url=sandbox.api_url,
        releasebot_config=folder / "bot.toml",
        releasebot_state=folder / "state",
        releasebot_port=port,
        releasebot_log_level="warning",  # the terminal is for the page's address, or for the story
    )


def prepare(folder: Path, first: int, canary: float, watch: float) -> None:
    """Write the demo's folder anew: the repository with its history, and bot.toml. Raises ConfigError."""
    lay_out(folder, first, canary, watch)
    build_history(folder / f"{PRODUCT}.git")


def lay_out(folder: Path, first: int, canary: float, watch: float) -> None:
    """The demo's folder and bot.toml alone, for whatever product. Raises ConfigError."""
    marker = folder / ".releasebot-demo"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise ConfigError(
            f"{folder} holds something else than an earlier demo. Choose another --state folder."
        )
    shutil.rmtree(folder, onerror=_writable) if folder.exists() else None
    (folder / DATABASES).mkdir(parents=True)
    marker.touch()
    text = BOT_TOML.format(
        folder=folder, staging=first, production=first + 1, staging_first=first + 2, production_first=first + 20,
        canary=canary, watch=watch,
    )  # fmt: skip
    (folder / "bot.toml").write_text(text, encoding="utf-8")


def _writable(remove: object, path: str, _error: object) -> None:
    """Images are read-only; an earlier demo may go all the same."""
    for each in (Path(path).parent, Path(path)):
        if not each.is_symlink():
            each.chmod(0o700)
    Path(path).rmdir() if Path(path).is_dir() else Path(path).unlink()


@contextlib.contextmanager
def _own_secrets() -> Iterator[None]:
    """The product's secrets, where the bot looks for them; gone again at the end."""
    names = [f"CORE_HUB_{where}_CHARGE_SIGNING_KEY" for where in ("STAGING", "PRODUCTION")]
    os.environ.update({name: secrets.token_hex(16) for name in names})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)


@contextlib.contextmanager
def free_ports(number: int) -> Iterator[int]:
    """The first of so many free ports in a row on the loopback, for the length of the block.

    The port before them is held open meanwhile: whoever looks at the same moment, or before these are taken,
    meets it and goes on to the next ones. Raises ConfigError.
    """
    for place in range(18400, 28000, number + 1):
        if holder := _held(place, number):
            with holder:
                yield place + 1
            return
    raise ConfigError(f"No {number} ports in a row are free on this machine. Stop what holds them.")


def _held(place: int, number: int) -> socket.socket | None:
    """The open port `place`, when so many after it are free; None when not."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        holder = opened.enter_context(_open(place))
        with contextlib.ExitStack() as tried:
            for port in range(place + 1, place + 1 + number):
                tried.enter_context(_open(port))
        opened.pop_all()
        return holder
    return None


def _open(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


async def adopt(bot: Bot, version: str) -> None:
    """Take a released version into production, and wait until it serves."""
    release = await bot.service.adopt(PRODUCT, version, None, f"demo {version}")
    found = await ended(bot, release.id)
    if found is not ReleaseStatus.SUCCEEDED:
        shown = await bot.service.snapshot(release.id)
        wrong = [f"{run.name}: {run.code} {run.facts}" for run in shown.runs.values() if run.code]
        raise ConfigError(f"{version} could not be put into production: {'; '.join(wrong)}")


async def ended(bot: Bot, release_id: str) -> ReleaseStatus:
    """Wait until a release has ended (ten minutes at most: a slow machine may need some to build images)."""
    async with asyncio.timeout(600):
        while True:
            status = (await bot.service.snapshot(release_id)).release.status
            if status not in ACTIVE:
                return status
            await asyncio.sleep(0.1)


async def _take_down(bot: Bot, containers: Containers | None) -> None:
    """Stop the product: routers and services of both environments; its images go where that was asked."""
    ports = bot.ports(PRODUCT)
    for target in ports.targets.values():
        await target.stop()
    if containers and not containers.keeps_images:
        await ports.builder.prune(frozenset(), utc_now())
