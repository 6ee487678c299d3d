"""Requests that arrive together: each is stored once, and a burst is few transactions."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, func, select, update

from pipeline import inbox
from pipeline.intake import MOST, Intake
from pipeline.models import Inbox
from pipeline.store import Database

BURST = 2 * MOST + 50


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()
    yield database
    await database.close()


async def test_a_burst_is_stored_in_few_transactions(db: Database) -> None:
    commits = 0

    def count(_: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(db.engine.sync_engine, "commit", count)
    intake = Intake(db, "me", now)
    rows = await asyncio.gather(*(intake.receive("command", f"c{n}", {"n": n}) for n in range(BURST)))
    assert len(set(rows)) == BURST
    assert None not in rows
    assert commits <= 4
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Inbox)) == BURST
        kept = await session.get(Inbox, rows[7])
        assert kept is not None
        assert (kept.dedup, kept.payload, kept.owner) == ("c7", {"n": 7}, "me")
        assert kept.lease_until > now().timestamp()


async def test_a_doubled_delivery_is_dealt_with_once(db: Database) -> None:
    intake, other = Intake(db, "me", now), Intake(db, "you", now)
    first = await asyncio.gather(*(intake.receive("command", "same", {}) for _ in range(5)))
    assert sum(row is not None for row in first) == 1
    assert await intake.receive("command", "same", {}) is None
    assert await other.receive("command", "same", {}) is None


async def test_a_sender_that_goes_away_takes_nobody_with_it(db: Database) -> None:
    intake = Intake(db, "me", now)
    gone = asyncio.create_task(intake.receive("command", "gone", {}))
    stays = asyncio.create_task(intake.receive("command", "stays", {}))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays is not None
    assert await intake.receive("command", "next", {}) is not None


async def test_any_number_of_requests_is_kept_with_one_sign_of_life(db: Database) -> None:
    """More than either database takes as parameters of one statement; the first and the last are there."""
    intake = Intake(db, "me", now)
    first = await intake.receive("command", "first", {})
    assert first is not None
    async with db.transaction() as session:
        session.add(
            Inbox(id=first + 40_000, kind="command", dedup="last", payload={}, received_at=now(), owner="me")
        )
        await session.execute(update(Inbox).values(lease_until=0.0))
    await inbox.keep(db, "me", range(first, first + 40_001))
    async with db.reading() as session:
        leases = list(await session.scalars(select(Inbox.lease_until)))
    assert len(leases) == 2
    assert min(leases) > now().timestamp()
