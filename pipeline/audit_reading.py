"""Reading the audit log: how far each chain goes, its entries batch by batch, and whether it is as it was written."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, select, union

from pipeline.audit_models import AuditEntry, AuditHead
from pipeline.chain import EMPTY, Broken, Chain, Entry, Head
from pipeline.errors import ConfigError
from pipeline.store import Database

log = structlog.get_logger()

BATCH = 2_000
"""Entries read at once."""

_ENTRIES: Any = AuditEntry.__table__
_HEADS: Any = AuditHead.__table__
_COLUMNS = [_ENTRIES.c[name] for name in Entry._fields]


@dataclass(frozen=True)
class Extent:
    """How far a product's chain goes: its head, and the highest number among its entries, seen at one moment."""

    product: str
    head: Head
    last: int


async def extents(db: Database, product: str | None = None) -> list[Extent]:
    """Every chain (or the one of this product), also of products that bot.toml does not have any more."""
    known = union(select(_HEADS.c.product), select(_ENTRIES.c.product).distinct()).subquery()
    last = select(func.max(_ENTRIES.c.seq)).where(_ENTRIES.c.product == known.c.product).scalar_subquery()
    wanted = (
        select(known.c.product, _HEADS.c.seq, _HEADS.c.hash, last)
        .select_from(known.outerjoin(_HEADS, _HEADS.c.product == known.c.product))
        .order_by(known.c.product)
    )
    if product is not None:
        wanted = wanted.where(known.c.product == product)
    async with db.reading() as session:
        rows = (await session.execute(wanted)).all()
    return [Extent(name, _head(seq, hash_), last or 0) for name, seq, hash_, last in rows]


def _head(seq: object, hash_: str | None) -> Head:
    """A head as it was found: none, or one that holds no number, ends a chain without entries."""
    return Head(seq, hash_ or "") if isinstance(seq, int) else EMPTY


async def read(db: Database, product: str, last: int, since: str = "") -> AsyncIterator[Sequence[Entry]]:
    """A chain's entries up to number `last`, batch by batch, in the order of their numbers; none before `since`."""
    after = 0
    while after < last:
        wanted = (
            select(*_COLUMNS)
            .where(
                _ENTRIES.c.product == product,
                _ENTRIES.c.seq > after,
                _ENTRIES.c.seq <= last,
                _ENTRIES.c.at >= since,
            )
            .order_by(_ENTRIES.c.seq)
            .limit(BATCH)
        )
        async with db.reading() as session:
            rows = (await session.execute(wanted)).all()
        if not rows:
            return
        batch = [Entry._make(row) for row in rows]
        yield batch
        after = batch[-1].seq


async def verify(db: Database, extent: Extent, chain: Chain) -> Broken | None:
    """Walk along a chain up to its head as it was when `extent` was taken; the first place that is not as written."""
    async for entries in read(db, extent.product, extent.head.seq):
        if broken := chain.follow(entries):
            return broken
    return chain.end(extent.head, extent.last)


async def newest(db: Database, product: str | None, most: int) -> list[Entry]:
    """The last entries of all products (or of one), oldest first."""
    wanted = select(*_COLUMNS).order_by(_ENTRIES.c.id.desc()).limit(most)
    if product is not None:
        wanted = wanted.where(_ENTRIES.c.product == product)
    async with db.reading() as session:
        rows = (await session.execute(wanted)).all()
    return [Entry._make(row) for row in reversed(rows)]


async def check(db: Database) -> None:
    """At a start: whether the chains go on with the key that they have, and end where their heads say.

    Raises ConfigError when a chain was sealed with another key, or there is none any more: no key could verify both
    kinds of entries. That one does not end where it should is logged; it is found again by verifying it.
    """
    same = (_ENTRIES.c.product == _HEADS.c.product) & (_ENTRIES.c.seq == _HEADS.c.seq)
    later = _ENTRIES.alias()
    beyond = select(later.c.id).where(later.c.product == _HEADS.c.product, later.c.seq > _HEADS.c.seq)
    ends = select(_HEADS, _ENTRIES.c.hash, _ENTRIES.c.key, beyond.exists()).select_from(
        _HEADS.outerjoin(_ENTRIES, same)
    )
    async with db.reading() as session:
        rows = (await session.execute(ends.order_by(_HEADS.c.product))).all()
    for product, seq, hash_, found, key, more in rows:
        if key not in ("", None, db.seal.key):
            raise ConfigError(
                f"The audit log of {product} is sealed with another key than RELEASEBOT_AUDIT_KEY (entry {seq})."
                " Nothing was started. Next: set the variable to the key that it had; it cannot be changed."
            )
        if found != hash_ or more:
            log.warning("audit: the log does not end as it was written", product=product, entry=seq)
        if db.seal.key and not key:
            log.info("audit: entries are sealed from now on", product=product, entry=seq + 1)
