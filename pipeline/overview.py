"""Where a product stands: what runs, what is deployed where, what keeps the next release out, what was."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import snapshot
from pipeline.models import Deployment, Lock, Release
from pipeline.service import Service
from pipeline.snapshot import Snapshot

ENVIRONMENTS = ("production", "staging")


@dataclass(frozen=True)
class Standing:
    """`current` runs, or is stuck, or is live, or was the last. `locks` are those that nobody's release holds."""

    product: str
    current: Snapshot | None
    deployed: tuple[Deployment, ...]
    locks: tuple[Lock, ...]
    recent: tuple[Release, ...]


async def standing(service: Service, product: str, most: int = 5) -> Standing:
    """Where a product stands now, with its last `most` releases."""
    current, recent = await service.current(product), await service.recent(product, most)
    async with service.db.reading() as session:
        found = [await _deployed(session, product, environment) for environment in ENVIRONMENTS]
        locks = await session.scalars(
            select(Lock).where(Lock.product == product, Lock.release_id.is_(None)).order_by(Lock.environment)
        )
        return Standing(product, current, tuple(d for d in found if d), tuple(locks), tuple(recent))


async def _deployed(session: AsyncSession, product: str, environment: str) -> Deployment | None:
    return await snapshot.live_deployment(session, product, environment)
