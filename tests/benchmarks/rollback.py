"""From the submitted form to the old version's first answer and the new one's last, as visitors see it.

The baseline is the same turn without the bot: the target's own `promote`, which is the router's flip.
"""

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from bot.demo.house import PRODUCT
from bot.demo.visitors import Visitors
from bot.outside import make_ports
from bot.reading import read_config
from pipeline.ports import DeployTarget
from tests.acceptance.town import LEE, Nobody
from tests.benchmarks.figures import Figure, alone, beside, median
from tests.benchmarks.places import BenchTown, open_shop
from tests.benchmarks.shop import version

REPEATS, QUICK = 5, 1
FLIPS = 10
CLIENTS, RATE = 8, 200.0
SETTLED = 20
"""Answers in a row of the version that was turned to, after which the other one has answered last."""


@dataclass
class Turns:
    """Milliseconds from the act to the first answer of the one and the last of the other version."""

    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    def add(self, visitors: Visitors, since: float, to: str) -> None:
        others = [at for at, seen in visitors.seen if seen != to and at >= since]
        self.first.append(((visitors.first_after(to, since) or since) - since) * 1000)
        self.last.append((max(others, default=since) - since) * 1000)


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Rollbacks of a live version to a warm one under about 200 requests a second."""
    repeats = QUICK if quick else REPEATS
    clicked, flipped = Turns(), Turns()
    last = version(repeats + 2)
    async with (
        open_shop(folder / "town", repeats + 1) as town,
        Visitors(town.url, clients=CLIENTS, rate=RATE) as visitors,
    ):
        for number in range(2, repeats + 2):
            await _release_and_roll_back(town, visitors, clicked, version(number))
        await town.to_after(last)
        await town.end_bot(signal.SIGTERM)
        await _flips(town, visitors, flipped, last)
        failed = len(visitors.failed)
    return [
        beside("rollback: form to first old answer", median(clicked.first), "ms", median(flipped.first)),
        beside("rollback: form to last new answer", median(clicked.last), "ms", median(flipped.last)),
        beside("rollback: form to last new answer, slowest", max(clicked.last), "ms", max(flipped.last)),
        alone("rollback: visitors' failed requests", failed, "requests"),
    ]


async def _release_and_roll_back(town: BenchTown, visitors: Visitors, turns: Turns, new: str) -> None:
    await town.to_after(new)
    submitted = await town.submit_rollback()
    await town.until(lambda shown: shown.release.status == "rolled_back", new)
    turns.add(visitors, submitted, "v0.1.0")
    await town.type(LEE, "/release", "unlock")
    await town.told(LEE, "is unlocked")


async def _flips(town: BenchTown, visitors: Visitors, turns: Turns, new: str) -> None:
    """Promote the other slot again and again, directly; the bot does not run."""
    config = read_config(town.folder / "bot.toml")
    made = make_ports(PRODUCT, config.products[PRODUCT], town.folder / "state", Nobody(), str)
    target = made.targets["production"]
    for number in range(FLIPS):
        to = "v0.1.0" if number % 2 == 0 else new
        await _flip(target, visitors, turns, to)


async def _flip(target: DeployTarget, visitors: Visitors, turns: Turns, to: str) -> None:
    status = await target.status()
    release = next(slot.release_id for slot in (status.live, status.other) if slot and slot.version == to)
    began = time.monotonic()
    await target.promote(release)
    await settled(visitors, to)
    turns.add(visitors, began, to)


async def settled(visitors: Visitors, to: str, patience: float = 10.0) -> None:
    """Wait until a version has answered so often in a row that the other one has answered last; in seconds."""
    async with asyncio.timeout(patience):
        already = len(visitors.seen)
        while len(visitors.seen) - already < SETTLED or {v for _, v in visitors.seen[-SETTLED:]} != {to}:
            await asyncio.sleep(0.01)
