"""The engine's own time: a release of the in-memory world, whose stages cost next to nothing.

The playbook holds for no time and asks people for the approval alone; the database is a file, as in earnest.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, text

from pipeline import deciding
from pipeline.engine import Engine
from pipeline.models import Release
from pipeline.outbox import Outbox
from pipeline.parcel import Parcel, Sent
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from tests.benchmarks.figures import Figure, alone, beside, median, spread
from tests.house import LEE, House, open_house
from tests.world import PLAYBOOK, World

RELEASES, QUICK = 25, 4
STATEMENTS, ROW_BYTES = 6, 400
"""What a boundary writes: the lease, two stage runs, an event, a message, the release."""

NO_WAITING = (
    PLAYBOOK.replace('{ key = "support", title = "Support knows what changes" },', "")
    .replace('after = [{ key = "told", title = "The team looked at it" }]', "")
    .replace('hold = "5m"', "hold = 0")
    .replace('duration = "30m"', "duration = 0")
)


class RealTime(World):
    """The in-memory world with the machine's own clock."""

    def clock(self) -> datetime:
        return datetime.now(UTC)


class Postbox:
    """A Slack that takes every message at once."""

    async def send(self, parcel: Parcel) -> Sent:
        return Sent("C0SHOP", f"{parcel.id}.0")


@dataclass
class Samples:
    """Milliseconds: per stage of each release, and from each approval to the next stage."""

    per_stage: list[float] = field(default_factory=list)
    to_next: list[float] = field(default_factory=list)
    commit: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Milliseconds per stage and from the approval to the next stage, without and with messages."""
    number = QUICK if quick else RELEASES
    silent = await _releases(folder / "silent", number, outbox=False)
    telling = await _releases(folder / "telling", number, outbox=True)
    commits = silent.commit + telling.commit
    one = median(commits)
    return [
        beside("engine per stage, beside 1 bare commit", median(silent.per_stage), "ms", one),
        beside("engine per stage with outbox, beside 1 bare commit", median(telling.per_stage), "ms", one),
        alone("engine's processor time per stage", median(silent.processor), "ms"),
        *spread("approval to next stage, beside 1 bare commit", silent.to_next, "ms", commits),
        *spread("approval to next stage with outbox, beside 1 bare commit", telling.to_next, "ms", commits),
    ]


async def _releases(folder: Path, number: int, *, outbox: bool) -> Samples:
    folder.mkdir()
    taken = Samples()
    async with open_house(folder, world=RealTime(playbook=NO_WAITING)) as house:
        await house.stop_engines()
        sender = Outbox(house.db, Postbox(), house.world.clock, "bench") if outbox else None
        sending = asyncio.create_task(sender.run()) if sender else None
        _start_engine(house, sender)
        await house.adopt()
        for minor in range(2, number + 2):
            await _release(house, minor, taken)
        await _commits(house, number, taken)
        if sender and sending:
            await sender.stop()
            await sending
    return taken


async def _commits(house: House, number: int, taken: Samples) -> None:
    """The baseline: transactions with a boundary's number of statements and bytes, by the same driver."""
    async with house.db.transaction() as session:
        await session.execute(text("CREATE TABLE bare (id INTEGER PRIMARY KEY, payload TEXT)"))
    for _ in range(number * 4):
        began = time.perf_counter()
        async with house.db.transaction() as session:
            for _ in range(STATEMENTS):
                await session.execute(
                    text("INSERT INTO bare (payload) VALUES (:it)"), {"it": "x" * ROW_BYTES}
                )
        taken.commit.append((time.perf_counter() - began) * 1000)


def _start_engine(house: House, outbox: Outbox | None) -> None:
    """As the wiring does: what was committed is told to the outbox."""
    committed = outbox.nudge if outbox else lambda: None
    engine = Engine(house.db, lambda _: house.made, house.world.clock, "bench", committed=committed)
    house.engines.append((engine, asyncio.create_task(engine.run())))


async def _release(house: House, minor: int, taken: Samples) -> None:
    """One release; people's time (looking for the question, clicking) is left out."""
    house.world.tags[f"v0.{minor}.0-rc.1"] = "b" * 40
    busy = time.process_time()
    release = await house.start(f"v0.{minor}.0")
    asked = (await _wait_for(house, release.id, ReleaseStatus.WAITING)).runs["approval"]
    clicked = house.world.clock()
    await deciding.decide(house.service, LEE, release.id, asked.id, "approve", "fine", house.click())
    ended = await _wait_for(house, release.id, ReleaseStatus.SUCCEEDED)
    before = asked.started_at - release.created_at
    after = (ended.release.finished_at or clicked) - clicked
    taken.per_stage.append((before + after).total_seconds() * 1000 / len(ended.runs))
    taken.processor.append((time.process_time() - busy) * 1000 / len(ended.runs))
    taken.to_next.append((ended.runs["backup"].started_at - clicked).total_seconds() * 1000)


async def _wait_for(house: House, release_id: str, status: ReleaseStatus) -> Snapshot:
    """Look seldom and at one column, so that looking does not slow down what is measured."""
    query = select(Release.status).where(Release.id == release_id)
    async with asyncio.timeout(30):
        while True:
            async with house.db.reading() as session:
                if await session.scalar(query) is status:
                    return await house.service.snapshot(release_id)
            await asyncio.sleep(0.2)
