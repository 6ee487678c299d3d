"""Locks: what a row of the table means at a moment, and how one that a person made ends.

A release that is under way holds the row of production. A person may lock by hand on top of that: the release then
waits before production, and the lock stays when it ends. What a rollback leaves is a lock too, without an end.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.config import Product
from pipeline.events import Fact, record_of_product
from pipeline.models import Lock, Release
from pipeline.policy import Actor

ENVIRONMENTS = ("production", "staging")
MADE, OPENED = "lock", "unlock"
"""What the topics of the messages begin with that tell of a lock, and of its end."""


def by_hand(lock: Lock) -> bool:
    """Whether a person locked it, as opposed to a release that holds it, or a rollback that left it."""
    return lock.said is not None


def expired(lock: Lock, at: datetime) -> bool:
    """Whether its time is over. It is then no lock, also while its row is still there."""
    return lock.expires_at is not None and lock.expires_at <= at


def locked(lock: Lock | None, at: datetime) -> bool:
    """Whether people (or a rollback) keep releases out; a release that only holds it does not count."""
    return lock is not None and (by_hand(lock) or lock.release_id is None) and not expired(lock, at)


def held(version: str) -> str:
    """The reason that stands in a row which a release holds."""
    return f"{version} is being released"


async def standing(session: AsyncSession, product: str, environment: str, at: datetime) -> Lock | None:
    """The lock that people made, or a rollback left, if it stands."""
    lock = await session.get(Lock, (product, environment))
    return lock if locked(lock, at) else None


async def all_standing(session: AsyncSession, product: str, at: datetime) -> tuple[Lock, ...]:
    """The locks of a product that stand, production's first."""
    found = [await standing(session, product, environment, at) for environment in ENVIRONMENTS]
    return tuple(lock for lock in found if lock is not None)


async def end(
    session: AsyncSession, lock: Lock, product: Product, kind: str, actor: Actor, at: datetime
) -> None:
    """Open a lock that a person made and tell it as a fact of this kind. A release goes on holding the row."""
    said = str(lock.said)
    fact = Fact.by(actor, kind, told(lock, product), (said, said.replace(MADE, OPENED, 1)))
    release = await session.get(Release, lock.release_id) if lock.release_id else None
    if release is None:
        await session.delete(lock)
    else:
        lock.said = lock.expires_at = None
        lock.reason, lock.actor = held(release.version), release.requested_by
    await record_of_product(session, lock.product, product.channel, fact, at)


def told(lock: Lock, product: Product) -> dict[str, object]:
    """What messages say of a lock."""
    return {
        "environment": lock.environment,
        "reason": lock.reason,
        "by": lock.actor,
        "until": lock.expires_at.timestamp() if lock.expires_at else None,
        "zone": product.timezone,
        "said": lock.said,
    }
