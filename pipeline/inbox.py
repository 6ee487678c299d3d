"""The inbox: what the chat platform sent is stored before it is acknowledged, and answered exactly once."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from pipeline.errors import StoreError
from pipeline.models import Inbox
from pipeline.ports import Clock
from pipeline.store import Database


async def receive(db: Database, kind: str, dedup: str, payload: dict[str, Any], clock: Clock) -> int | None:
    """Store a request; its row's id, or None when the same one was stored before (a doubled delivery).

    Raises StoreError when the database does not answer.
    """
    values = {"kind": kind, "dedup": dedup, "payload": payload, "received_at": clock()}
    try:
        async with db.transaction() as session:
            result = await session.execute(insert(Inbox).values(values).returning(Inbox.id))
            return int(result.scalar_one())
    except IntegrityError:
        return None
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(str(error)) from error


@contextlib.asynccontextmanager
async def answering(db: Database, row_id: int, clock: Clock) -> AsyncIterator[None]:
    """Deal with a stored request in this block: however it ends, it is marked as answered, and not met again.

    Raises StoreError when the database does not answer: then it is left for the next start.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(str(error)) from error
    except Exception:
        await handled(db, row_id, clock)
        raise
    await handled(db, row_id, clock)


async def handled(db: Database, row_id: int, clock: Clock) -> None:
    """Mark a request as answered. Raises StoreError when the database does not answer."""
    try:
        async with db.transaction() as session:
            await session.execute(update(Inbox).where(Inbox.id == row_id).values(handled_at=clock()))
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(str(error)) from error


async def unhandled(db: Database) -> list[Inbox]:
    """What was acknowledged and not yet answered when the process ended, oldest first."""
    async with db.reading() as session:
        return list(await session.scalars(select(Inbox).where(Inbox.handled_at.is_(None)).order_by(Inbox.id)))
