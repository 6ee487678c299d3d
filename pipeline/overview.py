"""Where a product stands: what runs, what is deployed where, what is locked, what was. More of what is to come is in
pipeline.outlook."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import locks, snapshot
from pipeline.models import Deployment, Lock, Release
from pipeline.service import Service
from pipeline.snapshot import Snapshot


@dataclass(frozen=True)
class Standing:
    """`current` runs, or is stuck, or is live, or was the last. `locks` are those that people or a rollback made."""

    product: str
    current: Snapshot | None
    deployed: tuple[Deployment, ...]
    locks: tuple[Lock, ...]
    recent: tuple[Release, ...]


async def standing(service: Service, product: str, most: int = 5) -> Standing:
    """Where a product stands now, with its last `most` releases."""
    current, recent = await service.current(product), await service.recent(product, most)
    async with service.db.reading() as session:
        found = [await _deployed(session, product, environment) for environment in locks.ENVIRONMENTS]
        closed = await locks.all_standing(session, product, service.clock())
    return Standing(product, current, tuple(d for d in found if d), closed, tuple(recent))


async def _deployed(session: AsyncSession, product: str, environment: str) -> Deployment | None:
    return await snapshot.live_deployment(session, product, environment)
