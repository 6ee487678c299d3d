"""The whole Slack face on the in-memory world: real HTTP and Socket Mode, real handlers, engine and outbox.

Only time is quick: the world's clock stands still until a test moves it, and the outbox's own clock runs
sixty times faster, so that its pauses between edits and attempts take no real seconds.
"""

import asyncio
import contextlib
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from bot.sandbox.manifest import read_manifest
from bot.sandbox.modals import Values
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Message, View
from bot.settings import Settings
from handlers.text import ids
from pipeline.config import BotFile, parse
from pipeline.engine import Engine
from pipeline.snapshot import Snapshot, last_releases, load
from pipeline.store import Database
from tests.house import PATIENCE, House
from tests.slack_face import Face, Mode, settings_for
from tests.world import MemoryChangelog, World, ports

CHANNEL, TEAM = "C0RELEASES", "T0SANDBOX"
DANA, LEE, KIM, SAM, GUEST, OUTSIDER = (
    "U0DANA001", "U0LEE0002", "U0KIM0004", "U0SAM0003", "U0GUEST05", "U0EXT00006",
)  # fmt: skip
MANIFEST = Path(__file__).parents[1] / "manifest.yml"
APPROVAL: Values = {ids.SEEN: {ids.INPUT: ["changes", "back"]}, ids.NOTE: {ids.INPUT: "Looks good."}}
HASTE = 60.0

BOT_TOML = f"""
[products.shop]
repository = "somewhere"
channel = "{CHANNEL}"
teams = ["{TEAM}"]
[products.shop.people]
start = ["{DANA}", "{GUEST}", "{OUTSIDER}"]
approve = ["S0APPROVE", "{DANA}"]
rollback = ["{DANA}", "{SAM}"]
[products.shop.environments.staging]
url = "http://127.0.0.1:9001"
first_port = 9100
env = {{ DATABASE_URL = "staging" }}
[products.shop.environments.production]
url = "http://127.0.0.1:9002"
first_port = 9200
env = {{ DATABASE_URL = "production" }}
"""


@dataclass
class History(MemoryChangelog):
    """The changelog of a world in which people committed these subjects."""

    subjects: list[str] = field(default_factory=list)

    async def context(self, sha: str, base: str | None, version: str) -> list[dict[str, object]]:
        return [
            {"id": f"{number:040x}", "message": subject, "conventional": True, "group": "Added"}
            | {"author": {"name": "Sam <!here>", "email": "sam@example.com"}}
            for number, subject in enumerate(self.subjects)
        ]


@dataclass(kw_only=True)
class SlackHouse(House):
    """A House with its Slack side: act as people, look at what they see."""

    sandbox: Sandbox
    settings: Settings
    history: History
    face: Face = field(init=False)
    born: float = field(default_factory=time.monotonic)

    def nudge(self, release_id: str = "") -> None:
        super().nudge(release_id)
        self.face.outbox.nudge()

    def start_engine(self, owner: str = "one", seconds: float = 5.0) -> Engine:
        engine = Engine(
            self.db, self.ports_of, self.world.clock, owner,
            seconds=seconds, poll=0.1, committed=self.face.outbox.nudge, trace=self.trace,
        )  # fmt: skip
        self.engines.append((engine, asyncio.create_task(engine.run())))
        return engine

    def hurried(self) -> datetime:
        """The outbox's clock: the world's time, and every real second counts as a minute."""
        return self.world.now + timedelta(seconds=(time.monotonic() - self.born) * HASTE)

    async def restart(self) -> None:
        """The bot stops and starts again: a new face, the same database."""
        await self.stop()
        await self.begin()

    async def begin(self) -> None:
        self.face = Face(self.settings, self.service, self.hurried)
        self.made = replace(self.made, directory=self.face.directory)
        self.face.client.trace = self.trace
        self.start_engine()
        await self.face.start()

    async def stop(self) -> None:
        await self.face.stop()
        await self.stop_engines()

    async def strike(self) -> None:
        """The clock looks once at what has its time. Nothing else makes it look in these tests."""
        await self.face.timekeeper.look()
        await self.face.timekeeper.settle()

    # --------------------------------------------------------------- people

    async def type(self, user: str, text: str, command: str = "/release") -> None:
        answer = await self.sandbox.command(user, CHANNEL, command, text)
        assert answer.acked, answer.error

    async def press(self, user: str, message: Message, action: str, value: str | None = None) -> None:
        answer = await self.sandbox.click(user, message.channel, message.ts, action, value)
        assert answer.acked, answer.error

    async def form(self, user: str) -> View:
        return (await self.sandbox.wait_for(lambda: ready(self.sandbox.views(user)), PATIENCE))[-1]

    async def slack_start(self, version: str = "v0.2.0", user: str = DANA) -> Snapshot:
        await self.type(user, version)
        return await self.shown(version)

    async def tick_by_hand(self, headline: str, user: str = DANA) -> None:
        """Press "Mark done" until none is left."""
        while values := ticks(await self.message(headline)):
            await self.press(user, await self.message(headline), ids.TICK, values[0])
            await self.sandbox.wait_for(partial(self._is_ticked, headline, values[0]), PATIENCE)

    def _is_ticked(self, headline: str, value: str) -> bool:
        return value not in ticks(self.find(headline))

    async def slack_to_approval(self, version: str = "v0.2.0") -> Message:
        """A release until it asks for approval; the message that asks."""
        await self.slack_start(version)
        await self.tick_by_hand(f"Checklist before shop {version}")
        return await self.message(f"Approval needed for shop {version}")

    async def slack_approve(self, message: Message, user: str = LEE) -> None:
        await self.press(user, message, ids.APPROVE)
        answer = await self.sandbox.submit(user, (await self.form(user)).id, APPROVAL)
        assert answer.acked, answer.error

    async def slack_to_watch(self, version: str = "v0.2.0") -> Snapshot:
        await self.slack_approve(await self.slack_to_approval(version))
        shown = await self.shown(version)
        await self.through_canary(shown.release.id)
        return await self.waits_for(shown.release.id, "watch")

    async def slack_to_end(self, version: str = "v0.2.0") -> Snapshot:
        shown = await self.slack_to_watch(version)
        self.world.pass_time(minutes=31)
        self.nudge()
        await self.tick_by_hand(f"Checklist after shop {version}")
        return await self.ended(shown.release.id)

    async def slack_roll_back(self, user: str = SAM, reason: str = "Orders are lost.") -> None:
        await self.type(user, "", "/rollback")
        answer = await self.sandbox.submit(user, (await self.form(user)).id, reasoned(reason))
        assert answer.acked, answer.error

    # -------------------------------------------------------------- looking

    def find(self, text: str) -> Message | None:
        """The newest message of the channel or its threads that has this text."""
        everywhere = self.sandbox.workspace.messages
        return next((m for m in reversed(everywhere) if m.to is None and text in m.text), None)

    async def message(self, text: str) -> Message:
        try:
            found = await self.sandbox.wait_for(lambda: self.find(text), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"no message {text!r}: {[m.text for m in self.posted()]}") from None
        assert found is not None
        return found

    def posted(self) -> list[Message]:
        """Everything that the bot has posted for all to see."""
        return [m for m in self.sandbox.workspace.messages if m.to is None]

    def calls(self, *methods: str) -> int:
        """How often the bot called these methods; all of them without a name."""
        return sum(not methods or call.method in methods for call in self.sandbox.calls)

    def told_so_far(self, user: str) -> list[str]:
        return [m.text for m in self.sandbox.ephemerals(user)]

    async def next_answer(self, user: str, before: int) -> str:
        """The answer after so many earlier ones."""
        return (await self.sandbox.wait_for(lambda: self.told_so_far(user)[before:], PATIENCE))[0]

    async def told(self, user: str, *texts: str) -> str:
        """Wait for an answer that only this person sees and that says all of this."""

        def found() -> list[str]:
            return [said for said in self.told_so_far(user) if all(text in said for text in texts)]

        try:
            said = await self.sandbox.wait_for(lambda: found()[-1:], PATIENCE)
        except TimeoutError:
            raise AssertionError(f"{user} was not told {texts!r}, but {self.told_so_far(user)}") from None
        return said[0]

    async def shown(self, version: str) -> Snapshot:
        """The newest release of a version, as soon as it is there."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self._look(version)) is None:
                await asyncio.sleep(0.03)
        return found

    async def _look(self, version: str) -> Snapshot | None:
        async with self.db.reading() as session:
            newest = await last_releases(session, "shop")
            mine = next((release.id for release in newest if release.version == version), None)
            return await load(session, mine) if mine else None

    async def quiet(self) -> None:
        """Wait until everything that should be said has been said."""
        async with asyncio.timeout(PATIENCE):
            while not (await self.face.outbox.idle() and await self.face.mails.idle()):
                await asyncio.sleep(0.03)


@asynccontextmanager
async def open_slack_house(
    folder: Path,
    *,
    mode: Mode = "socket",
    world: World | None = None,
    bot_toml: str = BOT_TOML,
    locale: str = "en-US",
) -> AsyncIterator[SlackHouse]:
    """A house with v0.1.0 in production and everything said about it; the sandbox's traffic is forgotten."""
    world, config, db = (
        world or World(),
        parse(BotFile, bot_toml, "bot.toml"),
        Database(f"sqlite:///{folder}/bot.db"),
    )
    await db.migrate()
    commands, shortcuts = read_manifest(MANIFEST)
    port = _free_port() if mode == "http" else 0
    url = f"http://127.0.0.1:{port}/slack/events" if mode == "http" else None
    history = History(world)
    made = replace(ports(world, config.products["shop"], folder), changelog=history)
    async with Sandbox(commands=commands, shortcuts=shortcuts, request_url=url) as sandbox:
        for person in sandbox.workspace.users.values():
            person.locale = locale
        house = SlackHouse(
            db, world, config, made, folder,
            sandbox=sandbox, settings=settings_for(sandbox, mode, port), history=history,
        )  # fmt: skip
        try:
            await house.begin()
            await house.adopt()
            await house.quiet()
            sandbox.core.journal.clear()
            yield house
        finally:
            await house.stop()
            await db.close()


def _free_port() -> int:
    """A free port, below those that the system gives to connections: the sandbox must know it before the bot starts."""
    while True:
        port = 28_000 + secrets.randbelow(4_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def ready(views: list[View]) -> list[View]:
    """The forms that can be filled in; not what stands there while one is looked up."""
    return [view for view in views if view.content["callback_id"] != ids.WAITING_FORM]


def ticks(message: Message | None) -> list[str]:
    """The values of a checklist's buttons: its open items."""
    blocks = str(message.blocks) if message else ""
    return re.findall(rf"'action_id': '{re.escape(ids.TICK)}'.*?'value': '([^']+)'", blocks)


def reasoned(reason: str) -> Values:
    """What a form with a reason is filled in with."""
    return {ids.REASON: {ids.INPUT: reason}}
