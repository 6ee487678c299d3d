"""How commands are acknowledged when there are many, and how soon Home is there: on a new database, and on one with
years behind it.

The sandbox types on the same machine: what it takes of the processor is in these figures too.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
from sqlalchemy import func, select

from bot.sandbox.delivery import Delivered
from pipeline.models import Inbox
from tests.acceptance.town import CHANNEL, DANA
from tests.benchmarks.figures import Figure, alone, beside, median, p99
from tests.benchmarks.places import BenchTown, open_shop
from tests.benchmarks.shop import version
from tests.history import fill

RATE, SECONDS, BURST = 200, 5, 1000
QUICK_SECONDS, QUICK_BURST = 2, 50
RELEASES, EVENTS = 10_000, 1_000_000
QUICK_RELEASES, QUICK_EVENTS = 100, 5_000
HOMES, QUICK_HOMES = 200, 10
DRAINED = 120.0
LATE = 3000
"""Milliseconds after which Slack tells the person that it failed. An answer in the ack itself is a refusal."""


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Acknowledgements at 200 commands a second and in a burst, before and after history; memory before and after."""
    seconds, burst = (QUICK_SECONDS, QUICK_BURST) if quick else (SECONDS, BURST)
    opened = QUICK_HOMES if quick else HOMES
    releases, events = (QUICK_RELEASES, QUICK_EVENTS) if quick else (RELEASES, EVENTS)
    async with open_shop(folder / "town", 1) as town:
        await town.to_after(version(2))
        idle = _memory(town)
        new = await _steady(town, seconds), await _burst(town, burst)
        homes = await _homes(town, opened)
        loaded = _memory(town)
        await town.end_bot(signal.SIGTERM)
        await _add_history(town, releases, events)
        began = time.monotonic()
        await town.start_bot()
        started = time.monotonic() - began
        grown = await _steady(town, seconds), await _burst(town, burst)
        homes_grown = await _homes(town, opened)
        memory = _memory(town)
    return [
        *_figures(f"ack at {RATE} commands a second, with history beside without", grown[0], new[0]),
        *_figures(f"ack in a burst of {burst}, with history beside without", grown[1], new[1]),
        beside(
            "Home opened to shown, with history beside without, p50", median(homes_grown), "ms", median(homes)
        ),
        beside("Home opened to shown, with history beside without, p99", p99(homes_grown), "ms", p99(homes)),
        alone(f"start with {releases} releases and {events} events", started, "s"),
        beside("memory after the commands, beside before", loaded, "MB", idle),
        beside("memory after as many with history, beside before", memory, "MB", idle),
    ]


async def _add_history(town: BenchTown, releases: int, events: int) -> None:
    shown = await town.shown(version(2))
    assert shown is not None
    await fill(town.db, shown.release.id, releases, events)
    async with town.db.engine.connect() as connection:
        await connection.exec_driver_sql("ROLLBACK")
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    await asyncio.to_thread(os.sync)  # years of history are on the disk already


async def _steady(town: BenchTown, seconds: int) -> list[Delivered]:
    """Commands at an even rate, whether the earlier ones are answered or not."""
    began, sent = time.monotonic(), []
    for number in range(RATE * seconds):
        await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
        sent.append(asyncio.create_task(_type(town)))
    taken = list(await asyncio.gather(*sent))
    await _answered(town)
    return taken


async def _homes(town: BenchTown, times: int) -> list[float]:
    """Milliseconds from opening Home until it is there, one after the other."""
    return [await _home(town) for _ in range(times)]


async def _home(town: BenchTown) -> float:
    def shown() -> int:
        calls = reversed(town.sandbox.calls)
        return next((one.number for one in calls if one.method == "views.publish" and one.answer), 0)

    before, began = shown(), time.perf_counter()
    await town.sandbox.open_home(DANA)
    await town.sandbox.wait_for(lambda: shown() > before, DRAINED)
    return (time.perf_counter() - began) * 1000


async def _answered(town: BenchTown) -> None:
    """Wait until the bot has dealt with everything: what comes next is measured by itself."""
    left = select(func.count()).select_from(Inbox).where(Inbox.handled_at.is_(None))
    async with asyncio.timeout(DRAINED):
        while True:
            async with town.db.reading() as session:
                if not await session.scalar(left):
                    return
            await asyncio.sleep(0.5)


async def _burst(town: BenchTown, number: int) -> list[Delivered]:
    taken = list(await asyncio.gather(*(_type(town) for _ in range(number))))
    await _answered(town)
    return taken


async def _type(town: BenchTown) -> Delivered:
    return await town.sandbox.command(DANA, CHANNEL, "/release", "list")


def _memory(town: BenchTown) -> float:
    """The bot's resident megabytes."""
    assert town.bot is not None
    return float(psutil.Process(town.bot.pid).memory_info().rss / 1e6)


def _figures(name: str, grown: list[Delivered], new: list[Delivered]) -> list[Figure]:
    after, before = ([one.latency_ms for one in taken] for taken in (grown, new))
    lost = [one for one in (*grown, *new) if not one.acked or one.latency_ms > LATE or one.answer]
    return [
        beside(f"{name}, p50", median(after), "ms", median(before)),
        beside(f"{name}, p99", p99(after), "ms", p99(before)),
        alone(f"{name}: late or refused", len(lost), "commands"),
    ]
