"""The lease on a release: who works on it, and the proof that they still may.

Each claim raises the epoch, the fencing token of every write. Leases are compared by the database's
clock alone; a worker also keeps a deadline of its own, on a clock that counts suspension, and stops
before an irreversible act once it has passed: a stalled process must not act on what was taken over.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.errors import LeaseLost, Turned
from pipeline.models import Delivery, Inbox, Release, StageRun
from pipeline.store import Database, wake

LEASE = 5.0
"""Seconds a release is held without a heartbeat."""
MARGIN = 0.8
"""The part of the lease after which a worker no longer trusts it."""


def suspended_clock() -> float:
    """Seconds on a clock that goes on while the machine or the process is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass
class Claim:
    """A release in this worker's hands. `signals` counts what people have said; `turn` is where it must turn."""

    release: Release
    owner: str
    epoch: int
    runs: list[StageRun]
    lease: float = LEASE
    deadline: float = 0.0
    signals: int = 0
    turn: dict[str, Any] | None = field(default=None)

    def trusted(self, since: float) -> None:
        """Trust the lease from `since`, taken before the write that extended it; once that is committed."""
        self.deadline = max(self.deadline, since + self.lease * MARGIN)

    def guard(self) -> None:
        """Raise LeaseLost when it is too late for an irreversible act, Turned when it is not wanted any more."""
        if suspended_clock() >= self.deadline:
            raise LeaseLost(f"{self.release.id}: the lease of epoch {self.epoch} ran out")
        self.straight()

    def straight(self) -> None:
        """Raise Turned when the release must turn, as far as this worker has heard."""
        if self.turn is not None:
            raise Turned(f"{self.release.id}: to {self.turn['to']}")


def _claimable(db: Database, now: datetime) -> Any:
    free = or_(Release.owner.is_(None), Release.lease_until < db.now)
    return select(Release).where(Release.wake_at <= now, free).order_by(Release.wake_at).limit(1)


async def claim(db: Database, owner: str, now: datetime, lease: float = LEASE) -> Claim | None:
    """Take the release that has been due the longest, if any."""
    async with db.reading() as session:
        if await session.scalar(_claimable(db, now)) is None:
            return None
    since = suspended_clock()
    async with db.transaction() as session:
        release = await session.scalar(_claimable(db, now).with_for_update(skip_locked=True))
        if release is None:
            return None
        taken = await session.execute(
            update(Release)
            .where(Release.id == release.id)
            .values(owner=owner, epoch=Release.epoch + 1, lease_until=db.now + lease)
            .returning(Release.epoch)
            .execution_options(synchronize_session=False)
        )
        epoch = taken.scalar_one()
        runs = list(await session.scalars(_latest_runs(release.id)))
    held = Claim(release, owner, epoch, runs, lease, signals=release.signals, turn=release.turn_to)
    held.trusted(since)
    return held


def _latest_runs(release_id: str) -> Any:
    return select(StageRun).where(StageRun.release_id == release_id).order_by(StageRun.id)


@contextlib.asynccontextmanager
async def fenced(db: Database, held: Claim) -> AsyncIterator[AsyncSession]:
    """A transaction that only the lease's holder can commit; it extends the lease. Raises LeaseLost.

    The release's row is locked in it, and `held` knows what people have said until now.
    """
    since = suspended_clock()
    async with db.transaction() as session:
        await _extend(db, session, held)
        yield session
    held.trusted(since)  # not before: a commit that failed extended nothing


async def _extend(db: Database, session: AsyncSession, held: Claim) -> None:
    extended = await session.execute(
        update(Release)
        .where(Release.id == held.release.id, Release.owner == held.owner, Release.epoch == held.epoch)
        .values(lease_until=db.now + held.lease)
        .returning(Release.signals, Release.turn_to, Release.production_touched)
        .execution_options(synchronize_session=False)
    )
    row = extended.one_or_none()
    if row is None:
        raise LeaseLost(f"{held.release.id}: epoch {held.epoch} was taken over")
    held.signals, held.turn, held.release.production_touched = row


async def heartbeat(db: Database, held: Claim) -> None:
    """Extend the lease by itself. Raises LeaseLost."""
    async with fenced(db, held):
        pass


async def give_back(db: Database, held: Claim) -> None:
    """Let go at once, so that a peer (or the next start) goes on without waiting for the lease to end."""
    async with db.transaction() as session:
        freed = await session.execute(
            update(Release)
            .where(Release.id == held.release.id, Release.owner == held.owner, Release.epoch == held.epoch)
            .values(owner=None, lease_until=0.0)
            .returning(Release.id)
            .execution_options(synchronize_session=False)
        )
        if freed.one_or_none() is not None:
            await wake(session, held.release.id)


async def free_all(db: Database) -> None:
    """End every lease. Only for a process that knows itself to be alone (it holds the state folder's lock):
    whoever held them is dead, and nobody needs to wait until they run out."""
    unsent = (Delivery.sent < Delivery.wanted, Delivery.given_up.is_(None))
    async with db.transaction() as session:
        unanswered = update(Inbox).where(Inbox.handled_at.is_(None))
        for held in (update(Release), update(Delivery).where(*unsent), unanswered):
            await session.execute(
                held.where(column("owner").is_not(None)).values(owner=None, lease_until=0.0)
            )
