"""A sandbox, many products with their people, and bots as processes that can be killed, stopped and started."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import and_, or_, select

from bot.demo.house import MANIFEST
from bot.reading import read_config
from bot.sandbox.manifest import read_manifest
from bot.sandbox.people import BOT_USER, Channel, User
from bot.sandbox.sandbox import Sandbox
from pipeline.config import BotFile
from pipeline.context import Ports
from pipeline.models import Delivery, Release
from pipeline.ports import Directory, Person
from pipeline.service import Service
from pipeline.store import Database
from tests.chaos import bot_main
from tests.chaos.board import Board
from tests.chaos.crew import Crew
from tests.chaos.outside import Outside
from tests.chaos.outside_ports import ports
from tests.forks import Fork

CONNECTIONS = 2
STARTING = 60.0
TRIES = 10
TEAM = "T0SANDBOX"

PRODUCT_TOML = """
[products.{name}]
repository = "somewhere"
channel = "{channel}"
[products.{name}.people]
start = ["{starter}"]
approve = ["{approver}"]
rollback = ["{roller}"]
[products.{name}.environments.staging]
url = "http://127.0.0.1:{port}"
first_port = {first}
env = {{ DATABASE_URL = "staging" }}
[products.{name}.environments.production]
url = "http://127.0.0.1:{port2}"
first_port = {first2}
env = {{ DATABASE_URL = "production" }}
[products.{name}.pace]
canary_hold = "2s"
watch = "3s"
watch_every = "0.5s"
"""


@dataclass
class Process:
    """One bot. `up` once it works; `stopped` while it is suspended; `down` once it was told to go.

    `woken` is when it was last let go on: peers may have taken over what it held before.
    """

    process: Fork
    up: bool = False
    stopped: bool = False
    down: bool = False
    woken: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def working(self) -> bool:
        return self.up and not self.stopped and not self.down and self.process.returncode is None

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


class Nobody(Directory):
    """The directory of a service that asks nobody (adoption is the operator's own command)."""

    async def person(self, user_id: str) -> Person:
        raise LookupError(user_id)

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        raise LookupError(group_id)

    async def is_shared(self, channel_id: str) -> bool:
        return False


@dataclass
class Town:
    sandbox: Sandbox
    folder: Path
    url: str
    outside: Outside
    db: Database
    crews: list[Crew]
    bots: list[Process | None]
    starts: int = 0
    broken: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "SLACK_BOT_TOKEN": self.sandbox.bot_token,
            "SLACK_APP_TOKEN": self.sandbox.app_token,
            "SLACK_API_URL": self.sandbox.api_url,
            "RELEASEBOT_CONFIG": str(self.folder / "bot.toml"),
            "RELEASEBOT_STATE": str(self.folder / "state"),
            "RELEASEBOT_DATABASE_URL": self.url,
            "RELEASEBOT_PORT": "0",
            "RELEASEBOT_EDITS_PER_MINUTE": "1200",
            "CHAOS_OUTSIDE": str(self.outside.path),
        }

    async def start(self, seat: int) -> None:
        """Start a bot and wait until it works; one that cannot start is started again, as a supervisor does.

        Raises AssertionError with the log when that goes on.
        """
        for _ in range(TRIES):
            self.starts += 1
            log = self.folder / f"bot-{seat}-{self.starts}.log"
            process = Fork(bot_main.run_here, [], self.environment(), log)
            bot = self.bots[seat] = Process(process)
            bot.up = await self._is_up(process, log)
            if bot.up or bot.down:
                return  # up, or ended by the weather, which starts the next one itself

        raise AssertionError(f"bot {seat} does not start:\n{log.read_text()[-3000:]}")

    async def _is_up(self, process: Fork, log: Path) -> bool:
        async with asyncio.timeout(STARTING):
            while process.returncode is None:
                if b"bot: started" in log.read_bytes():
                    return True
                await asyncio.sleep(0.05)
        return False

    async def end(self, seat: int, number: signal.Signals) -> int:
        """Send a deadly signal and wait for the end; the exit code."""
        bot = self.bots[seat]
        assert bot is not None
        bot.down = True
        bot.send(number)
        bot.send(signal.SIGCONT)
        try:
            return await asyncio.wait_for(bot.process.wait(), STARTING)
        except TimeoutError:
            self.broken.append(f"bot {seat} ({bot.pid}) did not end within {STARTING:g} s of {number.name}")
            bot.send(signal.SIGKILL)
            return await bot.process.wait()

    async def held_by(self, pid: int) -> dict[str, int]:
        """The releases that a process works on, with their epochs: to measure how soon others take over."""
        async with self.db.reading() as session:
            found = await session.execute(
                select(Release.id, Release.epoch).where(Release.owner.contains(f":{pid}:"))
            )
            return {row[0]: row[1] for row in found}

    async def since(self, held: dict[str, int]) -> tuple[set[str], set[str]]:
        """Those of them that were taken over, and those at which nobody works though they are due.

        What was parked before its bot ended (it waits for people, or for its time) is neither: there was
        nothing to take over.
        """
        due = and_(Release.wake_at.is_not(None), Release.wake_at <= datetime.now(UTC))
        async with self.db.reading() as session:
            found = await session.execute(
                select(Release.id, Release.epoch, or_(Release.owner.is_not(None), due)).where(
                    Release.id.in_(list(held))
                )
            )
            rows = list(found)
        taken = {release for release, epoch, _ in rows if epoch != held[release]}
        return taken, {release for release, _, left in rows if left} - taken

    async def unsent(self) -> list[str]:
        """Messages that are still to be sent, or were given up."""
        async with self.db.reading() as session:
            found = await session.execute(
                select(Delivery.release_id, Delivery.topic, Delivery.given_up).where(
                    or_(Delivery.sent < Delivery.wanted, Delivery.given_up.is_not(None))
                )
            )
            return [f"{row[1]} of {row[0]} was not sent: {row[2] or 'still waiting'}" for row in found]

    async def close(self) -> None:
        for seat, bot in enumerate(self.bots):
            if bot is not None and bot.process.returncode is None:
                code = await self.end(seat, signal.SIGTERM)
                if code:
                    self.broken.append(f"bot {seat} ended with {code} on SIGTERM")
        await self.db.close()


def _config(folder: Path, crews: list[Crew]) -> BotFile:
    texts = [
        PRODUCT_TOML.format(
            name=crew.product, channel=crew.channel, starter=crew.starter, approver=crew.approver,
            roller=crew.roller, port=20000 + 10 * place, first=20001 + 10 * place, port2=20005 + 10 * place,
            first2=20006 + 10 * place,
        )
        for place, crew in enumerate(crews)
    ]  # fmt: skip
    (folder / "bot.toml").write_text("\n".join(texts))
    return read_config(folder / "bot.toml", TEAM)


def _crew(board: Board, outside: Outside, place: int, dice: random.Random) -> Crew:
    name, channel = f"product-{place:02}", f"C0P{place:04}"
    starter, approver, roller = users = [f"U0{role}{place:04}" for role in ("START", "APPRV", "ROLLB")]
    workspace = board.sandbox.workspace
    workspace.add_channel(Channel(channel, name, {BOT_USER}))
    for user in users:
        workspace.add_user(User(user, user.lower(), user), [channel])
    return Crew(board, outside, name, channel, starter, approver, roller, dice)


@contextlib.asynccontextmanager
async def open_town(
    folder: Path, url: str, products: int, bots: int, dice: random.Random
) -> AsyncIterator[Town]:
    """Everything started, v0.1.0 of each product in production; everything is ended at the end."""
    outside, db = Outside(folder / "outside.db"), Database(url)
    outside.create()
    commands, shortcuts = read_manifest(MANIFEST)
    async with Sandbox(commands=commands, shortcuts=shortcuts) as sandbox:
        board = Board(sandbox)
        crews = [
            _crew(board, outside, place, random.Random(dice.random())) for place in range(1, products + 1)
        ]
        config = _config(folder, crews)
        await db.migrate()
        town = Town(sandbox, folder, url, outside, db, crews, [None] * bots)
        try:
            await asyncio.gather(*(town.start(seat) for seat in range(bots)))
            await _adopt(town, config)
            yield town
        finally:
            await town.close()


async def _adopt(town: Town, config: BotFile) -> None:
    made = cache(lambda name: _ports(town, config, name))
    service = Service(town.db, config, made, lambda: datetime.now(UTC))
    for crew in town.crews:
        await service.adopt(crew.product, "v0.1.0", None, f"adopt {crew.product}")
    for crew in town.crews:
        await crew.until(
            lambda crew=crew: (card := crew.card("v0.1.0")) and "v0.1.0 — live in production." in card.text,  # type: ignore[misc]  # lambda with a default
            "v0.1.0 in production",
        )


def _ports(town: Town, config: BotFile, name: str) -> Ports:
    return ports(town.outside, name, config.products[name], town.folder / "state", Nobody(), str)
