"""What twenty releases at once ask of Slack: edits in any minute, beside the fifty that it takes.

The in-memory world, whose commands take their time; the feed, the outbox and its pace are the bot's, the Slack is the
sandbox. Each release is of a product with a channel of its own.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import func, select

from bot.sandbox.people import BOT_USER, Channel
from bot.sandbox.sandbox import Sandbox
from handlers.feed import Feed
from pipeline import deciding
from pipeline.models import Event
from pipeline.outbox import Outbox
from pipeline.pacing import slack
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE, StageStatus
from tests.benchmarks.figures import Figure, alone, beside
from tests.benchmarks.street import Street, street
from tests.house import DANA, LEE

AT_ONCE = 20
LONGEST, QUICK = 25.0, 1.0
"""Seconds that a command takes at most."""
BUDGET = 50
"""Edits a minute (chat.update is Tier 3)."""
MINUTE = 60.0
PATIENCE = 300.0


class Everything(set[str]):
    """Every command is slow."""

    def __contains__(self, name: object) -> bool:
        return True


class Pause(asyncio.Event):
    """Nobody sets it: whoever waits for it waits for some seconds, `longest` at most."""

    def __init__(self, longest: float) -> None:
        super().__init__()
        self.longest = longest

    async def wait(self) -> Any:
        await asyncio.sleep(random.uniform(self.longest / 5, self.longest))
        return True


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Edits and posts in the fullest minute, facts that a call tells, and how long the last ones are behind."""
    longest = QUICK if quick else LONGEST
    url = f"sqlite:///{folder}/bot.db"
    async with Sandbox() as sandbox, street(folder, url, AT_ONCE) as here:
        for name, world in here.worlds.items():
            sandbox.workspace.add_channel(Channel(_channel(name), name, {BOT_USER, DANA.user, LEE.user}))
            world.slow, world.release_slow = Everything(), Pause(longest)
        client = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url)
        feed = Feed(client, here.service.product, here.service.folder)
        outbox = Outbox(here.db, feed, here.clock, "bench", slack(BUDGET))
        loops = [asyncio.create_task(each.run()) for each in (here.engine, outbox)]
        began = time.monotonic()
        await asyncio.gather(*(_release(here, name) for name in here.names))
        ended = time.monotonic()
        await _wait(outbox.idle)
        behind = time.monotonic() - ended
        await here.engine.stop()
        await outbox.stop()
        await asyncio.gather(*loops)
        edits = [call.at for call in sandbox.calls if call.method == "chat.update"]
        posts = [call.at for call in sandbox.calls if call.method == "chat.postMessage"]
        facts = await _facts(here)
    where = f"{AT_ONCE} releases at once"
    return [
        beside(f"{where}: edits in the fullest minute, beside Slack's limit", _most(edits), "edits", BUDGET),
        alone(f"{where}: posts in the fullest minute", _most(posts), "posts"),
        beside(f"{where}: facts to tell, beside calls that told them", facts, "", len(edits) + len(posts)),
        alone(f"{where}: all of them", ended - began, "s"),
        alone(f"{where}: until the last message was right", behind, "s"),
    ]


async def _release(here: Street, name: str) -> None:
    started = await here.service.start(DANA, name, "v0.2.0", None, _channel(name), f"start {name}")
    shown = await _reached(here, started.id, _asks_or_ended)
    if shown.release.status in ACTIVE:
        run = shown.runs["approval"].id
        await deciding.decide(here.service, LEE, started.id, run, "approve", "", f"approve {name}")
        shown = await _reached(here, started.id, lambda shown: shown.release.status not in ACTIVE)
    assert shown.release.status == "succeeded", shown.runs


def _asks_or_ended(shown: Snapshot) -> bool:
    approval = shown.runs.get("approval")
    asks = approval is not None and approval.status is StageStatus.WAITING
    return asks or shown.release.status not in ACTIVE


async def _reached(here: Street, release: str, reached: Callable[[Snapshot], bool]) -> Snapshot:
    async with asyncio.timeout(PATIENCE):
        while not reached(shown := await here.service.snapshot(release)):
            await asyncio.sleep(0.25)
    return shown


async def _wait(ready: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await ready():
            await asyncio.sleep(0.25)


async def _facts(here: Street) -> int:
    async with here.db.reading() as session:
        return int(await session.scalar(select(func.count(Event.id))) or 0)


def _channel(name: str) -> str:
    return f"C0{name.upper().replace('-', '')}"


def _most(moments: list[float]) -> int:
    """The most of them within a minute, whenever it begins. They are in their order."""
    return max((sum(first <= at < first + MINUTE for at in moments) for first in moments), default=0)
