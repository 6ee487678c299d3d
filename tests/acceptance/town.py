"""The whole town for acceptance tests: the sandbox and the product here, the bot as a process that can be killed."""

import asyncio
import json
import os
import re
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.cli import main
from bot.demo.house import MANIFEST, PORTS, PRODUCT, free_ports, prepare
from bot.outside import make_ports
from bot.reading import read_config
from bot.sandbox.delivery import Delivered
from bot.sandbox.manifest import read_manifest
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Message, View
from handlers.text import ids
from pipeline import snapshot
from pipeline.ports import Directory, Person
from pipeline.snapshot import Snapshot
from pipeline.store import Database
from tests.forks import Fork, releasebot
from tests.slack_house import ready

CHANNEL = "C0RELEASES"
DANA, LEE, KIM, SAM, GUEST, OUTSIDER = (
    "U0DANA001", "U0LEE0002", "U0KIM0004", "U0SAM0003", "U0GUEST05", "U0EXT00006",
)  # fmt: skip
PATIENCE = 180.0
AGAIN = ("press or type it again", "Try again in a minute")
APPROVAL: dict[str, dict[str, object]] = {
    ids.SEEN: {ids.INPUT: ["changes", "back"]},
    ids.NOTE: {ids.INPUT: "Looks good."},
}


@dataclass
class Town:
    """Start, kill and stop the bot; act as people; look at what is there."""

    sandbox: Sandbox
    folder: Path
    first: int
    db: Database
    secrets: dict[str, str]
    bot: Fork | asyncio.subprocess.Process | None = None
    starts: int = 0
    logs: list[Path] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.first + 1}"

    @property
    def port(self) -> int:
        return self.first + PORTS - 1

    # ------------------------------------------------------------------ bot

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | self.secrets | {
            "SLACK_BOT_TOKEN": self.sandbox.bot_token,
            "SLACK_APP_TOKEN": self.sandbox.app_token,
            "SLACK_SIGNING_SECRET": self.sandbox.signing_secret,
            "SLACK_API_URL": self.sandbox.api_url,
            "RELEASEBOT_CONFIG": str(self.folder / "bot.toml"),
            "RELEASEBOT_STATE": str(self.folder / "state"),
            "RELEASEBOT_PORT": str(self.port),
        }  # fmt: skip

    async def command_line(self, *arguments: str) -> tuple[int, str]:
        """Run `releasebot ARGUMENTS` to its end: exit code and everything it printed."""
        given = (Path.cwd(), arguments, self.environment(), PATIENCE)
        return await asyncio.to_thread(releasebot, *given)

    async def start_bot(self) -> None:
        self.starts += 1
        log = self.folder / f"bot-{self.starts}.log"
        self.logs.append(log)
        self.bot = await self.launch(log)
        try:
            await self.sandbox.wait_connected(2, PATIENCE)
        except TimeoutError:
            raise AssertionError(log.read_text()) from None

    async def launch(self, log: Path) -> Fork | asyncio.subprocess.Process:
        """A process of `releasebot run`, without the time that its imports take."""
        return Fork(main, [["run"]], self.environment(), log)

    async def end_bot(self, number: signal.Signals) -> int:
        """Send a signal to the bot and wait until it is gone; its exit code."""
        assert self.bot is not None
        self.bot.send_signal(number)
        code = await asyncio.wait_for(self.bot.wait(), PATIENCE)
        self.bot = None
        return code

    async def kill_bot(self) -> None:
        await self.end_bot(signal.SIGKILL)
        await self.sandbox.wait_for(lambda: self.sandbox.socket.connections == 0, PATIENCE)

    async def adopt(self, version: str = "v0.1.0") -> None:
        code, printed = await self.command_line("adopt", version)
        assert code == 0, printed
        await self.until(lambda shown: shown.release.status == "succeeded", version)

    # --------------------------------------------------------------- people

    async def type(self, user: str, command: str, text: str = "") -> Delivered:
        return await self.sandbox.command(user, CHANNEL, command, text)

    async def press(self, user: str, message: Message, action: str, value: str | None = None) -> Delivered:
        return await self.sandbox.click(user, message.channel, message.ts, action, value)

    async def form(self, user: str, ask: Callable[[], Awaitable[Delivered]]) -> View:
        """Ask for a form, and again where the bot did not take it in time or says so, as people do: on a busy machine
        Slack's three seconds may be over before."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            known = len(self.sandbox.ephemerals(user))
            if not (await ask()).acked:
                continue
            await self.sandbox.wait_for(
                lambda known=known: ready(self.sandbox.views(user)) or self._again(user, known),  # type: ignore[misc]  # lambda with a default
                PATIENCE,
            )
            if views := ready(self.sandbox.views(user)):
                return views[-1]
        raise AssertionError(f"no form for {user}, but {[m.text for m in self.sandbox.ephemerals(user)]}")

    def _again(self, user: str, known: int) -> bool:
        told = " ".join(message.text for message in self.sandbox.ephemerals(user)[known:])
        return any(text in told for text in AGAIN)

    async def tick_all(self, user: str, headline: str) -> None:
        """Press "Mark done" until none is left."""
        message = await self.message(headline)
        while values := ticks(message):
            left = len(values)
            await self.press(user, message, ids.TICK, values[0])
            await self.sandbox.wait_for(lambda left=left: len(ticks(self.find(headline))) < left, PATIENCE)  # type: ignore[misc]  # lambda with a default
            message = await self.message(headline)

    async def approve(self, user: str = LEE) -> None:
        message = await self.message("Approval needed")
        form = await self.form(user, lambda: self.press(user, message, ids.APPROVE))
        await self.sandbox.submit(user, form.id, APPROVAL)

    async def roll_back(self, user: str, reason: str = "Trying the way back.") -> None:
        form = await self.form(user, lambda: self.type(user, "/rollback"))
        await self.sandbox.submit(user, form.id, {ids.REASON: {ids.INPUT: reason}})

    # -------------------------------------------------------------- looking

    def find(self, text: str) -> Message | None:
        return next((m for m in reversed(self.sandbox.messages(CHANNEL)) if text in m.text), None)

    async def message(self, text: str) -> Message:
        found = await self.sandbox.wait_for(lambda: self.find(text), PATIENCE)
        assert found is not None
        return found

    async def told(self, user: str, text: str) -> str:
        """Wait for an ephemeral answer to a person."""

        def found() -> str:
            return next((m.text for m in reversed(self.sandbox.ephemerals(user)) if text in m.text), "")

        try:
            return await self.sandbox.wait_for(found, 10)
        except TimeoutError:
            said = [m.text for m in self.sandbox.ephemerals(user)]
            raise AssertionError(f"{user} was not told {text!r}, but {said}") from None

    def state(self, environment: str) -> Path:
        """The folder of an environment's target."""
        return self.folder / "state" / "products" / PRODUCT / environment

    def operations(self) -> list[dict[str, Any]]:
        """The operation log of production."""
        text = (self.state("production") / "operations.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def turns(self) -> list[tuple[float, float]]:
        """When production's router was turned, oldest first: began and had ended, as time.monotonic() has it."""
        ahead = time.time() - time.monotonic()
        log = [line for line in self.operations() if line["step"] == "route"]
        times = [datetime.fromisoformat(line["at"]).timestamp() - ahead for line in log]
        return list(zip(times[::2], times[1::2], strict=True))

    async def shown(self, version: str) -> Snapshot | None:
        async with self.db.reading() as session:
            releases = await snapshot.last_releases(session, PRODUCT)
            mine = next((release.id for release in releases if release.version == version), None)
            return await snapshot.load(session, mine) if mine else None

    async def until(
        self, reached: Callable[[Snapshot], bool], version: str = "v0.2.0", seconds: float = PATIENCE
    ) -> Snapshot:
        """Wait for a condition of a release; the last state and the bot's log are in the error."""
        found: Snapshot | None = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = await self.shown(version)
                    if found and reached(found):
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            runs = (
                {name: (run.status.value, run.code, run.facts) for name, run in found.runs.items()}
                if found
                else {}
            )
            raise AssertionError(
                f"{found and found.release.status}: {runs}\n{self.logs[-1].read_text()[-4000:]}"
            ) from None


def ticks(message: Message | None) -> list[str]:
    """The values of the open items' buttons."""
    blocks = str(message.blocks) if message else ""
    return re.findall(rf"'action_id': '{re.escape(ids.TICK)}'.*?'value': '([^']+)'", blocks)


class Nobody(Directory):
    """The directory of a wiring that only takes things down."""

    async def person(self, user_id: str) -> Person:
        raise LookupError(user_id)

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        raise LookupError(group_id)

    async def is_shared(self, channel_id: str) -> bool:
        return False


Prepare = Callable[[Path, int, float, float], None]
"""Writes bot.toml and the product's repository: folder, first port, seconds of canary and watch."""


@asynccontextmanager
async def open_town(
    folder: Path, *, canary: float = 1, watch: float = 2, lay: Prepare = prepare
) -> AsyncIterator[Town]:
    """The sandbox, a repository and v0.1.0 in production; everything is taken down at the end.

    `lay` writes what the bot reads; the example product if nothing else is said.
    """
    keys = {
        f"CORE_HUB_{where}_CHARGE_SIGNING_KEY": secrets.token_hex(16) for where in ("STAGING", "PRODUCTION")
    }
    with free_ports(PORTS) as first:
        await asyncio.to_thread(lay, folder, first, canary, watch)
        async with _town(folder, first, keys) as town:
            yield town


@asynccontextmanager
async def _town(folder: Path, first: int, keys: dict[str, str]) -> AsyncIterator[Town]:
    """The same on ports that are ours."""
    commands, shortcuts = read_manifest(MANIFEST)
    async with Sandbox(commands=commands, shortcuts=shortcuts) as sandbox:
        town = Town(sandbox, folder, first, Database(f"sqlite:///{folder}/state/releasebot.db"), keys)
        try:
            await town.start_bot()
            await town.adopt()
            yield town
        finally:
            if town.bot:
                await town.end_bot(signal.SIGTERM)
            await town.db.close()
            await take_down(folder)


async def take_down(folder: Path) -> None:
    """Stop the product's services and routers, whatever became of the bot."""
    config = read_config(folder / "bot.toml")
    made = make_ports(PRODUCT, config.products[PRODUCT], folder / "state", Nobody(), str)
    for target in made.targets.values():
        await target.stop()
