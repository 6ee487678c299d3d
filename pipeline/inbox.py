"""The inbox: what the chat platform sent is stored before it is acknowledged, and answered exactly once.

Whoever acknowledged a request holds it by a lease; when that process dies, a peer takes it over within seconds.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.errors import StoreError
from pipeline.models import Inbox
from pipeline.ports import Clock
from pipeline.store import Database, wake

LEASE = 8.0
"""Seconds that a request is held without a sign of life from its holder."""
MOST = 50
"""Requests taken over at once."""
AT_ONCE = 5_000
"""Requests named in one statement: both databases take about 32,000 parameters in one."""


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(str(error)) from error


@contextlib.asynccontextmanager
async def answering(db: Database, row_id: int, clock: Clock) -> AsyncIterator[None]:
    """Deal with a stored request in this block: however it ends, it is marked as answered, and not met again.

    Raises StoreError when the database does not answer: then it is left to be taken over.
    """
    try:
        with _store_errors():
            yield
    except StoreError:
        raise
    except Exception:
        await handled(db, row_id, clock)
        raise
    await handled(db, row_id, clock)


async def handled(db: Database, row_id: int, clock: Clock) -> None:
    """Mark a request as answered. Raises StoreError when the database does not answer."""
    with _store_errors():
        async with db.transaction() as session:
            await session.execute(update(Inbox).where(Inbox.id == row_id).values(handled_at=clock()))


async def once(session: AsyncSession, origin: str, at: datetime) -> bool:
    """Whether the effect of a request is still to be had. It is then answered by this very transaction.

    For effects that find their target by looking at what is current ("stop the release"): a request that was
    taken over after its effect, or by a peer of a stalled bot, must not find the next one. What did not come
    through the inbox has no row, and is always done.
    """
    row = await session.scalar(select(Inbox).where(Inbox.dedup == origin).with_for_update())
    if row is not None and row.handled_at is not None:
        return False
    if row is not None:
        row.handled_at = at
    return True


async def keep(db: Database, owner: str, rows: Sequence[int]) -> None:
    """A sign of life for requests that their holder still deals with, however many. Raises StoreError."""
    mine = update(Inbox).where(Inbox.owner == owner).values(lease_until=db.now + LEASE)
    with _store_errors():
        async with db.transaction() as session:
            for first in range(0, len(rows), AT_ONCE):
                await session.execute(mine.where(Inbox.id.in_(rows[first : first + AT_ONCE])))


async def take_over(db: Database, owner: str) -> list[Inbox]:
    """Requests that were acknowledged and are held by nobody alive, oldest first; now held by `owner`.

    Raises StoreError when the database does not answer.
    """
    left = select(Inbox).where(Inbox.handled_at.is_(None), Inbox.lease_until < db.now).order_by(Inbox.id)
    with _store_errors():
        async with db.reading() as session:
            if await session.scalar(left.limit(1)) is None:
                return []
        async with db.transaction() as session:
            rows = list(await session.scalars(left.limit(MOST).with_for_update(skip_locked=True)))
            taken = update(Inbox).where(Inbox.id.in_([row.id for row in rows]))
            held = taken.values(owner=owner, lease_until=db.now + LEASE)
            await session.execute(held.execution_options(synchronize_session=False))
    return rows


async def give_back(db: Database, owner: str) -> None:
    """Let go of everything at once, so that a peer (or the next start) goes on. Raises StoreError."""
    held = update(Inbox).where(Inbox.owner == owner, Inbox.handled_at.is_(None))
    with _store_errors():
        async with db.transaction() as session:
            await session.execute(held.values(owner=None, lease_until=0.0))
            await wake(session)
