"""The lease on a release: who works on it, and the proof that they still may.

Each claim raises the epoch, the fencing token of every write. Leases are compared by the database's
clock alone; a worker also keeps a deadline of its own, on a clock that counts suspension, and stops
before an irreversible act once it has passed: a stalled process must not act on what was taken over.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.errors import LeaseLost, Turned
from pipeline.models import Delivery, Inbox, Release, StageRun
from pipeline.models_time import Wish
from pipeline.states import WishStatus
from pipeline.store import Database, wake

LEASE = 5.0
"""Seconds a release is held without a heartbeat."""
MARGIN = 0.8
"""The part of the lease after which a worker no longer trusts it."""
TOGETHER = 50
"""Releases claimed in one transaction."""
HEARD = (Release.signals, Release.turn_to, Release.production_touched)
"""What others write to a claimed release."""


def suspended_clock() -> float:
    """Seconds on a clock that goes on while the machine or the process is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(eq=False)
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


def _claimable(db: Database, now: datetime, most: int) -> Any:
    free = or_(Release.owner.is_(None), Release.lease_until < db.now)
    return select(Release).where(Release.wake_at <= now, free).order_by(Release.wake_at).limit(most)


async def claim(
    db: Database, owner: str, now: datetime, lease: float = LEASE, most: int = TOGETHER
) -> list[Claim]:
    """Take the releases that have been due the longest, if any: several in one transaction."""
    async with db.reading() as session:
        if await session.scalar(_claimable(db, now, 1)) is None:
            return []
    since = suspended_clock()
    async with db.transaction() as session:
        due = list(await session.scalars(_claimable(db, now, most).with_for_update(skip_locked=True)))
        epochs = await _take(db, session, owner, lease, [release.id for release in due])
        runs = await _runs_of(session, epochs)
    return [_claim(release, owner, epochs[release.id], runs[release.id], lease, since) for release in due]


async def _take(
    db: Database, session: AsyncSession, owner: str, lease: float, releases: list[str]
) -> dict[str, int]:
    """Make the releases this owner's; their new epochs."""
    taken = await session.execute(
        update(Release)
        .where(Release.id.in_(releases))
        .values(owner=owner, epoch=Release.epoch + 1, lease_until=db.now + lease)
        .returning(Release.id, Release.epoch)
        .execution_options(synchronize_session=False)
    )
    return {row.id: row.epoch for row in taken}


async def _runs_of(session: AsyncSession, releases: Collection[str]) -> dict[str, list[StageRun]]:
    """The stage runs of each release, oldest first."""
    runs: dict[str, list[StageRun]] = {release: [] for release in releases}
    of_these = select(StageRun).where(StageRun.release_id.in_(releases)).order_by(StageRun.id)
    for run in await session.scalars(of_these):
        runs[run.release_id].append(run)
    return runs


def _claim(
    release: Release, owner: str, epoch: int, runs: list[StageRun], lease: float, since: float
) -> Claim:
    held = Claim(release, owner, epoch, runs, lease, signals=release.signals, turn=release.turn_to)
    held.trusted(since)
    return held


@contextlib.asynccontextmanager
async def fenced(db: Database, held: Claim) -> AsyncIterator[AsyncSession]:
    """A transaction that only the lease's holder can commit; it extends the lease. Raises LeaseLost.

    The release's row is locked in it, and `held` knows what people have said until now.
    """
    since = suspended_clock()
    async with db.transaction() as session:
        if not await extend(db, session, [held]):
            raise LeaseLost(f"{held.release.id}: epoch {held.epoch} was taken over")
        yield session
    held.trusted(since)  # not before: a commit that failed extended nothing


async def extend(
    db: Database, session: AsyncSession, claims: Sequence[Claim], *, skip_locked: bool = False
) -> list[Claim]:
    """Lock the releases' rows and extend their leases; those that could be, knowing what people have said.

    With `skip_locked` nobody waits for a row that somebody else holds: one slow click must not hold up the others.
    """
    owner, releases = claims[0].owner, [claim.release.id for claim in claims]
    rows: Any = Release.id.in_(releases)
    if skip_locked:
        free = select(Release.id).where(rows).order_by(Release.id).with_for_update(skip_locked=True)
        rows = rows if db.sqlite else Release.id.in_(free)
    extended = await session.execute(
        update(Release)
        .where(rows, Release.owner == owner)
        .values(lease_until=db.now + claims[0].lease)
        .returning(Release.id, Release.epoch, *HEARD)
        .execution_options(synchronize_session=False)
    )
    found = {release: (epoch, heard) for release, epoch, *heard in extended}
    return [claim for claim in claims if _is_held(claim, *found.get(claim.release.id, (None, ())))]


def _is_held(claim: Claim, epoch: int | None, heard: Sequence[Any]) -> bool:
    """Whether the row is still of this very claim; it then knows what people have said."""
    if epoch != claim.epoch:
        return False
    claim.signals, claim.turn, claim.release.production_touched = heard
    return True


async def keep(db: Database, claims: Sequence[Claim]) -> list[Claim]:
    """A sign of life for all of an owner's claims at once; those that are lost.

    A release whose row somebody else holds at this moment is left for the next beat.
    """
    since = suspended_clock()
    async with db.transaction(urgent=True) as session:
        kept = await extend(db, session, claims, skip_locked=True)
        left = [claim for claim in claims if claim not in kept]
        lost = await _lost(session, left) if left else []
    for claim in kept:
        claim.trusted(since)
    return lost


async def _lost(session: AsyncSession, claims: list[Claim]) -> list[Claim]:
    of_these = Release.id.in_([claim.release.id for claim in claims])
    found = await session.execute(select(Release.id, Release.owner, Release.epoch).where(of_these))
    now = {release: (owner, epoch) for release, owner, epoch in found}
    return [claim for claim in claims if now.get(claim.release.id) != (claim.owner, claim.epoch)]


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
        wished = update(Wish).where(Wish.status == WishStatus.WAITING)
        for held in (update(Release), update(Delivery).where(*unsent), unanswered, wished):
            await session.execute(
                held.where(column("owner").is_not(None)).values(owner=None, lease_until=0.0)
            )
