"""The clock's bot is killed after each of its steps, and another goes on: once is once.

A step is a commit; whoever made the one that killed it never learns that it happened. Two bots on one database look at
the same moment, too.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from pipeline import locking, wishes
from pipeline.models import Event, Lock
from pipeline.models_time import FreezeWindow, Wish
from pipeline.service import Service
from pipeline.states import WishStatus
from pipeline.store import Database
from pipeline.timekeeper import Timekeeper
from tests.fuse import Fuse, FusedDatabase
from tests.house import DANA, SAM, House, open_house
from tests.mortal import MortalHouse, copied, open_mortal_house

FACTS = (
    "release_requested", "wish_started", "wish_waits", "wish_late", "wish_refused", "wishes_halted", "lock_expired",
    "freeze_expired",
)  # fmt: skip
Scene = Callable[[House], Awaitable[None]]


async def prepared(folder: Path, scene: Scene) -> MortalHouse:
    """v0.1.0 in production, the scene set, nobody at work, and the database closed so that it can be copied."""
    folder.mkdir()
    async with open_mortal_house(folder) as house:
        await house.adopt()
        await house.stop_engines()
        await scene(house)
    return house


async def due(house: House) -> None:
    """A scheduled release whose time has come, one that is too late, a queue, and a lock and a freeze that are over."""
    now = house.world.clock()
    at = now + timedelta(hours=1)
    await locking.lock(house.service, SAM, "shop", "staging", "a move", at, house.click())
    await locking.freeze(house.service, SAM, "shop", at, "", house.click())
    for version, due_at in (("v0.4.0", at), ("v0.2.0", now + timedelta(hours=3)), ("v0.3.0", None)):
        await wishes.ask(house.service, DANA, "shop", version, "b" * 40, due_at, house.click())
    house.world.pass_time(hours=3)


async def halting(house: House) -> None:
    """A release that failed, with two that wait."""
    for version in ("v0.2.0", "v0.3.0"):
        await wishes.ask(house.service, DANA, "shop", version, "b" * 40, None, house.click())
    async with house.db.transaction() as session:
        await session.execute(update(Wish).values(since=house.world.clock() - timedelta(hours=1)))
    house.world.failing.add("test-unit")
    house.start_engine()
    release = await house.start("v0.4.0", ref="b" * 40)
    await house.ended(release.id)
    await house.stop_engines()
    house.world.failing.clear()


WANTED: Mapping[Scene, Counter[str]] = {
    due: Counter(
        lock_expired=1, freeze_expired=1, wish_late=1, release_requested=1, wish_started=1, wish_waits=1
    ),
    halting: Counter(release_requested=1, wishes_halted=1),
}


def keeper(house: House, db: Database, owner: str) -> Timekeeper:
    """Another process's clock: its own connections."""
    service = Service(db, house.config, lambda _: house.made, house.world.clock)
    return Timekeeper(service, owner)


async def look(clock: Timekeeper, times: int = 3) -> None:
    for _ in range(times):
        await clock.look()
        await clock.settle()


async def told(house: House) -> Counter[str]:
    """The facts since v0.1.0 is there, as far as the clock makes them."""
    async with house.db.reading() as session:
        events = list(await session.scalars(select(Event).order_by(Event.id)))
    return Counter(event.kind for event in events if event.kind in FACTS) - Counter(release_requested=1)


@pytest.mark.parametrize("scene", [due, halting])
async def test_a_killed_clock_is_as_if_nothing_had_been(tmp_path: Path, scene: Scene) -> None:
    start = await prepared(tmp_path / "start", scene)
    last, blown = 0, True
    while blown:
        last += 1
        house = copied(start, tmp_path / f"killed-{last}")
        db = FusedDatabase(house.db.url, Fuse(last))
        dying = keeper(house, db, "one")
        await asyncio.gather(look(dying), return_exceptions=True)
        blown = db.fuse.blown.is_set()
        await dying.stop()
        await db.close()
        async with house.db.transaction() as session:  # as lease.free_all does at the start of an only bot
            await session.execute(update(Wish).values(owner=None))
        await look(keeper(house, house.db, "two"), 4)
        assert await told(house) == WANTED[scene], f"killed after step {last}"
        await check(house)
        await house.db.close()
    assert last > 1


async def check(house: House) -> None:
    """A wish is a release exactly when it says so; nothing whose time is over is left."""
    async with house.db.reading() as session:
        rows = list(await session.scalars(select(Wish)))
        assert list(await session.scalars(select(FreezeWindow))) == []
        assert [lock.said for lock in await session.scalars(select(Lock)) if lock.said] == []
    began = {release.id: release.origin for release in await house.service.recent("shop", 100)}
    for row in rows:
        assert (row.status is WishStatus.STARTED) == (row.release_id is not None)
        assert row.release_id is None or began[row.release_id] == row.id


@pytest.mark.parametrize("scene", [due, halting])
async def test_several_bots_that_look_at_once_do_it_once(tmp_path: Path, url: str, scene: Scene) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        await house.stop_engines()
        await scene(house)
        others = [Database(url) for _ in range(3)] if not house.db.sqlite else [house.db] * 3
        clocks = [keeper(house, db, f"bot {number}") for number, db in enumerate(others)]
        await asyncio.gather(*(look(clock) for clock in clocks))
        await look(clocks[0])
        assert await told(house) == WANTED[scene]
        await check(house)
        for db in others if not house.db.sqlite else []:
            await db.close()


async def test_who_holds_a_wish_and_dies_is_replaced_when_its_time_is_over(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        await wishes.ask(house.service, DANA, "shop", "v0.2.0", None, None, house.click())
        async with house.db.transaction() as session:
            await session.execute(update(Wish).values(owner="dead", lease_until=house.db.now + 60))
        two = keeper(house, house.db, "two")
        await look(two)
        assert len(await house.service.recent("shop")) == 1
        async with house.db.transaction() as session:
            await session.execute(update(Wish).values(lease_until=house.db.now - 1))
        await look(two)
        assert len(await house.service.recent("shop")) == 2
