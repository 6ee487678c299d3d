"""Years of history in seconds: an ended release and all that belongs to it, copied inside the database."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    Table,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.models import (
    Approval,
    ChecklistItem,
    Delivery,
    Deployment,
    Event,
    Image,
    Inbox,
    Release,
    StageRun,
)
from pipeline.models_base import Base, Utc
from pipeline.store import Database
from tests.house import House

BELONGING = (StageRun, Image, Deployment, ChecklistItem, Approval, Delivery)
OWN_IDS = {"cause", "origin", "dedup"}
"""Columns that are unique over all rows: a copy's carries its number."""


def old(number: int) -> str:
    """The id of the number-th copy; the last one is the newest."""
    return f"old-{number}"


async def one_release(house: House) -> str:
    """A release that went through everything, with its requests: what the copies are made from."""
    await house.adopt()
    release = await house.start()
    await house.to_end(release.id)
    return release.id


async def fill(db: Database, template: str, releases: int, events: int) -> None:
    """Copy a release so many times, an hour apart, until there are about so many events in all."""
    numbers = _series("numbers", releases)
    async with db.transaction() as session:
        await session.execute(update(Delivery).values(sent=Delivery.wanted, channel="C0SHOP", ts="1"))
        await session.execute(_copies(db, Release, numbers, Release.id == template, {"id": _id(numbers)}))
        for model in BELONGING:
            await session.execute(_copies(db, model, numbers, model.release_id == template, {}))
        await _fill_events(db, session, template, numbers, events // releases)
        await session.execute(_requests(numbers))
    async with db.transaction() as session:
        await session.execute(text("ANALYZE"))


async def _fill_events(db: Database, session: AsyncSession, template: str, numbers: CTE, each: int) -> None:
    written = await session.scalar(select(func.count()).where(Event.release_id == template)) or 1
    again = _series("again", max(1, -(-each // written)))
    await session.execute(_copies(db, Event, numbers, Event.release_id == template, {}, again))


def _series(name: str, last: int) -> CTE:
    """The numbers 1 to `last`."""
    first = select(literal(1).label("i")).cte(name, recursive=True)
    return first.union_all(select(first.c.i + 1).where(first.c.i < last))


def _id(numbers: CTE) -> Any:
    return literal("old-") + cast(numbers.c.i, Release.id.type)


def _copies(
    db: Database, model: type[Base], numbers: CTE, where: Any, special: Mapping[str, Any], *more: CTE
) -> Any:
    """INSERT ... SELECT of the rows that match, once for each number."""
    table = model.__table__
    assert isinstance(table, Table)
    special = {"release_id": _id(numbers), **special}
    columns = [c for c in table.columns if c.name in special or not c.primary_key]
    values = [special[c.name] if c.name in special else _copied(db, c, numbers) for c in columns]
    source = select(*values).select_from(table.join(numbers, true()))
    for other in more:
        source = source.join(other, true())
    return insert(table).from_select([c.name for c in columns], source.where(where))


def _copied(db: Database, column: Column[Any], numbers: CTE) -> Any:
    if column.name == "cause":
        return _id(numbers)
    if column.name == "stage_run_id":
        return numbers.c.i
    if column.name in OWN_IDS:
        return column + literal("-") + cast(numbers.c.i, Release.id.type)
    return _earlier(db, column, numbers) if isinstance(column.type, Utc) else column


def _earlier(db: Database, column: Column[Any], numbers: CTE) -> Any:
    """A time, some hours back: more for the lower numbers."""
    hours = numbers.c.i - select(func.max(numbers.c.i)).scalar_subquery() - 1
    if db.sqlite:
        moved = func.strftime("%Y-%m-%d %H:%M:%f", column, cast(hours, Release.id.type) + " hours")
        return moved + "000"
    return column + hours * literal_column("interval '1 hour'")


def _requests(numbers: CTE) -> Any:
    """An answered request for each release."""
    at = literal(datetime(2026, 11, 23, 9, tzinfo=UTC), Utc())
    dedup = literal("dedup ") + cast(numbers.c.i, Release.id.type)
    row = select(literal("command"), dedup, literal({}, Inbox.payload.type), at, at).select_from(numbers)
    return insert(Inbox).from_select(["kind", "dedup", "payload", "received_at", "handled_at"], row)


def size(path: Path) -> int:
    """Bytes on the disk, with the write-ahead log."""
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
