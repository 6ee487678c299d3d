"""Several bots on one PostgreSQL database: who wakes whom, who answers what, who may send when."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from pipeline import deciding, inbox, pacing
from pipeline.intake import Intake
from pipeline.listening import Listener
from pipeline.models import Inbox
from pipeline.pacing import Pace, Rate
from pipeline.service import Service
from pipeline.states import StageStatus
from pipeline.store import Database, wake
from tests.house import LEE, open_house

pytestmark = pytest.mark.postgres
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def clock() -> datetime:
    return NOW


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two bots' ways to one database."""
    one, other = Database(url), Database(url)
    try:
        yield one, other
    finally:
        await one.close()
        await other.close()


async def test_a_click_on_one_bot_wakes_the_release_on_another_at_once(tmp_path: Path, shared: str) -> None:
    async with open_house(tmp_path, shared) as house:
        await house.adopt()
        release = await house.start()
        run = (await house.to_approval(release.id)).runs["approval"]
        engine, _ = house.engines[0]
        engine.poll = 60  # what wakes it now is the other bot alone
        engine.look()
        other = Database(shared)
        listening = asyncio.create_task(Listener(house.db, engine.nudge).run())
        elsewhere = Service(other, house.config, lambda _: house.made, house.world.clock)
        try:
            await deciding.decide(elsewhere, LEE, release.id, run.id, "approve", "", "a click elsewhere")
            clicked = time.monotonic()
            await house.until(release.id, lambda s: s.runs["approval"].status is StageStatus.SUCCEEDED)
            assert time.monotonic() - clicked < 2
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await other.close()


async def test_a_bot_that_stops_hands_its_releases_over_at_once(tmp_path: Path, shared: str) -> None:
    async with open_house(tmp_path, shared) as house:
        await house.adopt()
        house.world.slow.add("test-unit")
        release = await house.start()
        await house.until(release.id, lambda s: ("command", "test-unit") in house.world.journal)
        peer = house.start_engine("two")
        peer.poll = 60
        others = Database(shared)  # a bot does not listen to itself
        listening = asyncio.create_task(Listener(others, peer.nudge).run())
        first, running = house.engines.pop(0)
        try:
            stopped = time.monotonic()
            await first.stop()
            await running
            await house.until(release.id, lambda s: s.release.owner == "two")
            assert time.monotonic() - stopped < 2
            house.world.release_slow.set()
            await house.waits_for(release.id, "checklist")
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await others.close()


async def test_a_listener_whose_connection_was_cut_listens_again(shared: str) -> None:
    async with two(shared) as (one, other):
        heard: asyncio.Queue[str] = asyncio.Queue()
        listening = asyncio.create_task(Listener(one, heard.put_nowait).run())
        try:
            assert await asyncio.wait_for(heard.get(), 5) == ""  # it listens
            async with other.reading() as session:
                await session.execute(text(CUT))
            assert await asyncio.wait_for(heard.get(), 5) == ""  # it listens again, and looks at everything
            async with other.transaction() as session:
                await wake(session, "rel_1")
            assert await asyncio.wait_for(heard.get(), 5) == "rel_1"
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def left_over(db: Database, *dedups: str) -> list[int]:
    """Requests that "dead" acknowledged, and whose leases have run out."""
    dead = Intake(db, "dead", clock)
    rows = [await dead.receive("command", dedup, {}) for dedup in dedups]
    async with db.transaction() as session:
        await session.execute(update(Inbox).values(lease_until=0.0))
    return [row for row in rows if row is not None]


async def test_what_a_dead_bot_acknowledged_is_taken_over_by_exactly_one(shared: str) -> None:
    async with two(shared) as (one, other):
        rows = await left_over(one, "a", "b", "c")
        first, second = await asyncio.gather(inbox.take_over(one, "one"), inbox.take_over(other, "other"))
        assert sorted(row.id for row in [*first, *second]) == rows
        assert await inbox.take_over(one, "one") == []


async def test_a_request_is_kept_while_its_holder_lives_and_free_when_it_stops(shared: str) -> None:
    async with two(shared) as (one, other):
        row = await Intake(one, "one", clock).receive("command", "a", {})
        assert row is not None
        assert await inbox.take_over(other, "other") == []
        async with one.transaction() as session:
            await session.execute(update(Inbox).values(lease_until=0.0))
        await inbox.keep(one, "one", [row])
        assert await inbox.take_over(other, "other") == []
        await inbox.give_back(one, "one")
        assert [taken.id for taken in await inbox.take_over(other, "other")] == [row]


async def test_a_doubled_request_is_stored_once_whichever_bots_receive_it(shared: str) -> None:
    async with two(shared) as (one, other):
        rows = await asyncio.gather(
            *(Intake(db, "x", clock).receive("command", "the same", {}) for db in (one, other) * 5)
        )
        assert len([row for row in rows if row is not None]) == 1


PACE = Pace(Rate(timedelta(seconds=1)), Rate(timedelta(seconds=2), burst=3))


async def pay(db: Database, name: str, rate: Rate, now: datetime) -> datetime | None:
    async with db.transaction() as session:
        return await pacing.reserve(session, name, rate, now)


async def test_two_bots_spend_no_second_of_a_channel_twice(shared: str) -> None:
    async with two(shared) as (one, other):
        name, rate = PACE.of("C1", is_post=True)
        paid = await asyncio.gather(*(pay(db, name, rate, NOW) for db in (one, other) * 4))
        assert paid.count(None) == 1
        assert set(paid) == {None, NOW + timedelta(seconds=1)}
        assert await pay(other, *PACE.of("C2", is_post=True), NOW) is None


async def test_edits_may_come_in_a_burst_and_a_rate_limit_is_for_all(shared: str) -> None:
    async with two(shared) as (one, other):
        name, rate = PACE.of("C1", is_post=False)
        assert [await pay(db, name, rate, NOW) for db in (one, other, one)] == [None] * 3
        assert await pay(other, name, rate, NOW) == NOW + timedelta(seconds=2)
        async with one.transaction() as session:
            await pacing.pause(session, name, rate, NOW + timedelta(seconds=30))
        assert await pay(other, name, rate, NOW + timedelta(seconds=29)) == NOW + timedelta(seconds=30)
        assert await pay(other, name, rate, NOW + timedelta(seconds=30)) is None
