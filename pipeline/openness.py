"""Whether a release may start: what keeps one out of staging or production at this moment."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import freezes, locks
from pipeline.config import Product
from pipeline.errors import Refused
from pipeline.events import CLOCK
from pipeline.models import Lock, Release
from pipeline.models_time import FreezeWindow

TEMPORARY = frozenset(
    {
        "already_running",
        "locked",
        "locked_by_hand",
        "frozen",
        "repository_unreadable",
        "lookup_failed",
        "trouble",
        "broken",
    }
)
"""Refusals of a start that pass by themselves, or by what somebody does elsewhere: it is worth waiting."""


def moment(at: datetime | None, product: Product) -> str:
    """A time as a refusal's fact: seconds since 1970 and the product's zone; "" for none."""
    return f"{int(at.timestamp())} {product.timezone}" if at else ""


async def insist(session: AsyncSession, name: str, product: Product, version: str, at: datetime) -> None:
    """Raise Refused when a release is under way, or people or a rollback locked production or staging.

    The row of production is locked in the database; a lock in it whose time is over is ended.
    """
    lock = await session.get(Lock, (name, "production"), with_for_update=True)
    if lock is not None and locks.by_hand(lock) and locks.expired(lock, at):
        await locks.end(session, lock, product, "lock_expired", CLOCK, at)
    if found := await taken(session, name, product, version, at):
        raise found


async def taken(
    session: AsyncSession, name: str, product: Product, version: str, at: datetime
) -> Refused | None:
    """The refusal of a start while a release is under way or a lock stands; None when neither is so."""
    lock = await session.get(Lock, (name, "production"))
    if lock is not None and lock.release_id is not None:
        running = await session.get(Release, lock.release_id)
        known = running.version if running else "another"
        return Refused("already_running", version=known, release=lock.release_id)
    for environment in locks.ENVIRONMENTS:
        if found := await locks.standing(session, name, environment, at):
            return _locked(found, product, version)
    return None


def _locked(lock: Lock, product: Product, version: str) -> Refused:
    if not locks.by_hand(lock):
        return Refused("locked", reason=lock.reason, by=lock.actor)
    return Refused(
        "locked_by_hand",
        environment=lock.environment,
        word=lock.environment,
        reason=lock.reason,
        by=lock.actor,
        until=moment(lock.expires_at, product),
        version=version,
    )


async def thawed(
    session: AsyncSession, name: str, product: Product, version: str, at: datetime, *, hotfix: bool
) -> None:
    """Raise Refused when production is frozen, for a hotfix only by what it may not pass."""
    if found := await frozen(session, name, product, version, at, hotfix=hotfix):
        raise found


async def frozen(
    session: AsyncSession, name: str, product: Product, version: str, at: datetime, *, hotfix: bool = False
) -> Refused | None:
    """The refusal of a start in a freeze; None when production is not frozen."""
    found = freezes.standing(product, await session.get(FreezeWindow, name), at, hotfix=hotfix)
    if found is None:
        return None
    return Refused(
        "frozen",
        name=found.name,
        reason=found.reason,
        by=found.by,
        until=moment(found.until, product),
        hotfix="may pass" if found.hotfix else "",
        version=version,
    )
