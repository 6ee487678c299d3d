"""What keeps releases of a product out now, and what is to come: locks, freezes, what is scheduled and queued."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline import freezes, locks, wishes
from pipeline.freezes import Frozen
from pipeline.models import Lock
from pipeline.models_time import FreezeWindow, Wish
from pipeline.service import Service

AHEAD = timedelta(days=7)
"""How far ahead the next freeze is worth mentioning."""


@dataclass(frozen=True)
class Outlook:
    """Locks and freezes that stand, the next freeze that is near, and wishes in the order of their turns."""

    product: str
    zone: str
    locks: tuple[Lock, ...]
    frozen: Frozen | None
    next_freeze: datetime | None
    wishes: tuple[Wish, ...]


async def outlook(service: Service, product: str) -> Outlook:
    """For people to see, at this moment."""
    now, settings = service.clock(), service.product(product)
    async with service.db.reading() as session:
        closed = await locks.all_standing(session, product, now)
        made = await session.get(FreezeWindow, product)
        wished = await wishes.pending(session, product)
    begins = freezes.windows(settings, made).next(now)
    return Outlook(
        product,
        settings.timezone,
        closed,
        freezes.standing(settings, made, now),
        begins if begins is not None and begins <= now + AHEAD else None,
        tuple(wished),
    )
