"""The daily digest of a product: a fact like others, recorded once a day, told in its channel."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from pipeline.config import Product
from pipeline.config_windows import DAYS
from pipeline.events import Fact, record_of_product
from pipeline.models import Delivery, Release
from pipeline.overview import Standing, standing
from pipeline.service import Service
from pipeline.states import StageStatus

DAY = timedelta(days=1)
LATE = timedelta(hours=2)
"""A digest that could not be told by then (the bot was down) is left out: the next one has it all."""
MOST = 10


@dataclass
class Digests:
    """Called by the clock."""

    service: Service
    nudge: Callable[[], None] = lambda: None

    async def look(self) -> None:
        """Tell the digests whose time has come."""
        for name, product in self.service.config.products.items():
            if product.digest and (day := due(product, self.service.clock())):
                await self._tell(name, product, f"digest:{day}")

    async def _tell(self, name: str, product: Product, topic: str) -> None:
        told = select(Delivery.id).where(Delivery.product == name, Delivery.topic == topic)
        async with self.service.db.reading() as session:
            if await session.scalar(told) is not None:
                return
        payload = await self._contents(name)
        async with self.service.db.transaction() as session:
            if await session.scalar(told) is None:
                fact = Fact("digest_told", payload=payload, topics=(topic,))
                await record_of_product(session, name, product.channel, fact, self.service.clock())
        self.nudge()

    async def _contents(self, name: str) -> dict[str, Any]:
        here = await standing(self.service, name, 50)
        since = self.service.clock() - DAY
        return {
            "deployed": [[one.environment, one.version, one.at.timestamp()] for one in here.deployed],
            "locks": [[lock.environment, lock.reason] for lock in here.locks],
            "ended": [_ended(one) for one in here.recent if one.finished_at and one.finished_at >= since][
                :MOST
            ],
            "waiting": _waiting(here),
        }


def due(product: Product, now: datetime) -> str | None:
    """The day whose digest is due now, as its date; None when none is."""
    if product.digest is None:
        return None
    local = now.astimezone(ZoneInfo(product.timezone))
    at = local.replace(hour=product.digest.at.hour, minute=product.digest.at.minute, second=0, microsecond=0)
    if DAYS[local.weekday()] not in product.digest.days or not at <= local <= at + LATE:
        return None
    return local.date().isoformat()


def _ended(release: Release) -> list[str]:
    return [release.version, release.status.value]


def _waiting(here: Standing) -> list[str]:
    """The version that waits for people, and the steps that do."""
    if here.current is None:
        return []
    names = [
        run.name for run in here.current.runs.values() if run.status is StageStatus.WAITING and run.asked_at
    ]
    return [here.current.release.version, *names] if names else []
