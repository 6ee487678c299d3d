"""Where it is measured: the bot and the bare app as processes of their own, each under its own sandbox."""

import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.demo.house import MANIFEST, PORTS
from bot.demo.house import prepare as prepare_house
from bot.sandbox.manifest import read_manifest
from bot.sandbox.sandbox import Sandbox
from handlers.text import ids
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus
from pipeline.store import Database
from tests.acceptance.town import APPROVAL, CHANNEL, DANA, LEE, Town, take_down
from tests.benchmarks import shop
from tests.forks import Fork

PATIENCE = 30.0


class BenchTown(Town):
    """The acceptance tests' town. The bot starts as it would on its own, and logs JSON: how long each command took."""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"RELEASEBOT_LOG": "json"}

    async def launch(self, log: Path) -> Fork | asyncio.subprocess.Process:
        with log.open("wb") as file:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", env=self.environment(), stdout=file, stderr=file
            )

    def told_by_log(self) -> list[dict[str, Any]]:
        """What every bot of this town has logged."""
        lines = [line for log in self.logs for line in log.read_text(encoding="utf-8").splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def approve_by_command(self, version: str) -> float:
        """Wait until a version asks for approval and approve it; when the form was submitted (monotonic)."""
        await self.until(lambda shown: waits(shown, "approval"), version)
        form = await self.form(LEE, lambda: self.type(LEE, "/approve"))
        submitted = time.monotonic()
        await self.sandbox.submit(LEE, form.id, APPROVAL)
        return submitted

    async def to_after(self, version: str) -> Snapshot:
        """Release a version up to the checklist after it: it is live, and the one before it is warm."""
        await self.type(DANA, "/release", version)
        await self.approve_by_command(version)
        return await self.until(lambda shown: waits(shown, "after"), version)

    async def submit_rollback(self) -> float:
        """Ask for the way back; when the form was submitted (monotonic)."""
        form = await self.form(LEE, lambda: self.type(LEE, "/rollback"))
        submitted = time.monotonic()
        await self.sandbox.submit(LEE, form.id, {ids.REASON: {ids.INPUT: "Measuring the way back."}})
        return submitted


def waits(shown: Snapshot, stage: str) -> bool:
    return stage in shown.runs and shown.runs[stage].status is StageStatus.WAITING


def ports() -> int:
    """The first of the ports that a town needs, all free; at random, so that two runs do not meet."""
    for _ in range(50):
        first = random.randrange(28400, 32000, PORTS)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + PORTS):
                stack.enter_context(contextlib.closing(socket.create_server(("127.0.0.1", port))))
            return first
    raise RuntimeError("No free ports in a row were found. Stop what holds them, and measure again.")


@asynccontextmanager
async def open_shop(folder: Path, releases: int, watch: str = "") -> AsyncIterator[BenchTown]:
    """The bot with the least product, v0.1.0 in production."""
    first = ports()
    await asyncio.to_thread(shop.prepare, folder, first, releases, watch)
    async with _town(folder, first) as town:
        yield town


@asynccontextmanager
async def open_core_hub(folder: Path, *, canary: float, watch: float) -> AsyncIterator[BenchTown]:
    """The bot with the example product, v0.1.0 in production; canary hold and watch in seconds."""
    first = ports()
    await asyncio.to_thread(prepare_house, folder, first, canary, watch)
    async with _town(folder, first) as town:
        yield town


@asynccontextmanager
async def _town(folder: Path, first: int) -> AsyncIterator[BenchTown]:
    commands, shortcuts = read_manifest(MANIFEST)
    keys = {
        f"CORE_HUB_{where}_CHARGE_SIGNING_KEY": secrets.token_hex(16) for where in ("STAGING", "PRODUCTION")
    }
    async with Sandbox(commands=commands, shortcuts=shortcuts) as sandbox:
        town = BenchTown(sandbox, folder, first, Database(f"sqlite:///{folder}/state/releasebot.db"), keys)
        try:
            await town.start_bot()
            await town.adopt()
            yield town
        finally:
            if town.bot:
                await town.end_bot(signal.SIGTERM)
            await town.db.close()
            await take_down(folder)


@dataclass
class BareApp:
    """A running bare Bolt app and the sandbox that it is connected to. `started` is seconds to its connection."""

    sandbox: Sandbox
    process: asyncio.subprocess.Process
    started: float

    @property
    def button(self) -> str:
        """The timestamp of its message with the button."""
        return self.sandbox.messages(CHANNEL)[0].ts


@asynccontextmanager
async def bare_app(log: Path) -> AsyncIterator[BareApp]:
    """Start the bare app under a sandbox of its own; stop it at the end."""
    async with Sandbox() as sandbox:
        env = {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_APP_TOKEN": sandbox.app_token,
            "SLACK_API_URL": sandbox.api_url,
        }
        began = time.perf_counter()
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.benchmarks.bare", env=env, stdout=file, stderr=file
            )
        try:
            await sandbox.wait_connected(1, PATIENCE)
            yield BareApp(sandbox, process, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), PATIENCE)
