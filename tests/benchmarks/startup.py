"""From the process's start to its connection, and its memory, beside a bare Bolt app."""

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiohttp import ClientError, ClientSession

from tests.benchmarks.figures import Figure, beside, median
from tests.benchmarks.places import PATIENCE, BenchTown, bare_app, open_shop
from tests.benchmarks.shop import version

STARTS, QUICK = 4, 2


@dataclass
class Samples:
    """Seconds and megabytes, start by start."""

    connected: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    bare_connected: list[float] = field(default_factory=list)
    bare_memory: list[float] = field(default_factory=list)


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Starts of the bot and of the bare app in turn; then the memory after a release."""
    taken = Samples()
    async with open_shop(folder / "town", 1) as town:
        for number in range(QUICK if quick else STARTS):
            await town.end_bot(signal.SIGTERM)
            await _start(town, taken)
            async with bare_app(folder / f"bare-{number}.log") as bare:
                taken.bare_connected.append(bare.started)
                taken.bare_memory.append(_megabytes(bare.process.pid))
        await town.to_after(version(2))
        assert town.bot is not None
        after = _megabytes(town.bot.pid)
    bare_start, bare_memory = median(taken.bare_connected), median(taken.bare_memory)
    return [
        beside("start to Socket Mode", median(taken.connected), "s", bare_start),
        beside("start to ready", median(taken.ready), "s", bare_start),
        beside("memory, idle", median(taken.memory), "MB", bare_memory),
        beside("memory, after a release", after, "MB", bare_memory),
    ]


async def _start(town: BenchTown, taken: Samples) -> None:
    began = time.perf_counter()
    await town.start_bot()
    taken.connected.append(time.perf_counter() - began)
    await _ready(town.port)
    taken.ready.append(time.perf_counter() - began)
    assert town.bot is not None
    taken.memory.append(_megabytes(town.bot.pid))


async def _ready(port: int) -> None:
    async with asyncio.timeout(PATIENCE), ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except ClientError:
                pass
            await asyncio.sleep(0.005)


def _megabytes(pid: int) -> float:
    """Resident memory."""
    return psutil.Process(pid).memory_info().rss / 1e6
