"""The bot is killed -9 at the steps of every operation; the next one finds its way, production answers on.

Some of the steps and moments in the ordinary run: see tests/sampling.py.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from pipeline.ports import TargetStatus
from tests.forks import FORKS
from tests.sampling import sample
from tests.services.driver import drive
from tests.services.load import load
from tests.services.local import SHOP, Place

STEPS = {"prepare": 6, "shift": 6, "promote": 8, "back": 8, "retire": 4}
"""Operation -> lines that its driver writes to the operation log at least."""


async def _drive(here: Place, operation: str, lines: int, delay: float = 0.0) -> None:
    """Run the driver and kill it when it has written `lines` lines, or has ended."""
    with (here.folder / "state" / "operations.jsonl").open("rb") as log:
        log.seek(0, os.SEEK_END)
        bot = FORKS.Process(target=drive, args=(here.folder, here.first, operation, *here.way))
        bot.start()
        async with asyncio.timeout(15):
            while bot.is_alive() and lines > 0:
                lines -= log.read().count(b"\n")
                await asyncio.sleep(0.001)
    await asyncio.sleep(delay)
    bot.kill()
    await asyncio.to_thread(bot.join)
    bot.close()


async def _start(here: Place, operation: str) -> None:
    """Bring the environment to where the operation begins: 1.0.0 live, 1.1.0 as far as it needs to be."""
    target = here.restarted()
    await target.prepare(await here.bundle("1.0.0", SHOP))
    await target.promote("r-1.0.0")
    if operation == "prepare":
        await target.retire("r-1.1.0")
        return
    await target.prepare(await here.bundle("1.1.0", SHOP))
    if operation == "back":
        await target.promote("r-1.1.0")


def _check(here: Place, status: TargetStatus) -> None:
    assert status.live is not None
    assert status.live.warm
    copies = Counter(here.running().values())
    assert set(copies.values()) == {1}, copies
    assert copies["router"] == 1


async def _round(here: Place, operation: str, lines: int, delay: float = 0.0) -> float:
    """One kill and the recovery from it; gives the seconds that the recovery took."""
    await _start(here, operation)
    await _drive(here, operation, lines, delay)
    target = here.restarted()
    began = time.monotonic()
    status = await target.reconcile()
    seconds = time.monotonic() - began
    _check(here, status)
    await _go_on(here, operation)
    return seconds


async def _go_on(here: Place, operation: str) -> None:
    """The next bot asks for the same again, and gets it."""
    target = here.restarted()
    if operation == "retire":
        await target.retire("r-1.1.0")
    else:
        wanted = "1.0.0" if operation == "back" else "1.1.0"
        await target.prepare(await here.bundle(wanted, SHOP))
        if operation == "shift":
            await target.shift("r-1.1.0", 10)
            assert (await target.status()).share == 10
        else:
            await target.promote(f"r-{wanted}")
            assert await target.missing() == ()
    _check(here, await target.status())


async def _rounds(here: Place, points: Sequence[tuple[str, int, float]]) -> None:
    recoveries = []
    await _start(here, "prepare")
    async with load(here.target.address(), rate=40, clients=4) as seen:
        for operation, lines, delay in points:
            recoveries.append(await _round(here, operation, lines, delay))
            assert seen.failures == [], (operation, lines, delay)
    recoveries.sort()
    print(
        f"{len(points)} kills, {len(seen.answers)} requests, 0 failed, "
        f"reconcile p50 {recoveries[len(recoveries) // 2]:.2f} s, max {recoveries[-1]:.2f} s"
    )


def _kind(here: Place) -> int:
    """0 for processes, 1 for containers. What they share is killed at half of the steps on each, not at the same."""
    return int(here.keeps_the_dead)


@pytest.mark.slow
@pytest.mark.parametrize("operation", STEPS)
async def test_a_bot_killed_at_each_step(here: Place, operation: str) -> None:
    lines = sample(range(1, STEPS[operation] + 1), 4, first=_kind(here))
    await _rounds(here, [(operation, line, 0.0) for line in lines])


@pytest.mark.slow
async def test_a_bot_killed_at_random_moments(here: Place) -> None:
    chance = random.Random(20)
    points = [
        (operation, chance.randint(1, STEPS[operation]), chance.random() * 0.2)
        for operation in chance.choices(list(STEPS), k=20)
    ]
    await _rounds(here, sample(points, 7, first=_kind(here)))
