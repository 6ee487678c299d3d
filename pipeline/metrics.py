"""How a product is delivered, by DORA's four measures (docs/metrics.md has their definitions)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.models import Deployment, Release
from pipeline.service import Service
from pipeline.states import ReleaseStatus

DAYS = 90
"""Days that are looked at, unless others are asked for."""
MOST_DAYS = 3650
WEEK = timedelta(days=7)
MOST_WEEKS = 26
"""Weeks that a picture shows, the newest ones."""


class Deployed(NamedTuple):
    """One time that production's traffic moved. `mends` is the release that a hotfix follows."""

    at: datetime
    kind: str
    cause: str
    lead: float | None
    restore: float | None
    mends: str | None


@dataclass(frozen=True)
class Week:
    """One week: its first moment, deployments that stayed and that failed, the median lead time in seconds."""

    begins: datetime
    good: int
    failed: int
    lead: float | None


@dataclass(frozen=True)
class Metrics:
    """`reached` releases met users, `failed` of them did harm. Times are medians in seconds, None without any."""

    product: str
    days: int
    deployments: int
    reached: int
    failed: int
    lead: float | None
    restore: float | None
    weeks: tuple[Week, ...]

    @property
    def per_week(self) -> float:
        """Deployments a week."""
        return self.deployments * 7 / self.days

    @property
    def failure_rate(self) -> float | None:
        """The share of releases that did harm; None when none met users."""
        return self.failed / self.reached if self.reached else None


async def metrics(service: Service, product: str, days: int = DAYS) -> Metrics:
    """A product's measures over the last `days`."""
    now = service.clock()
    async with service.db.reading() as session:
        moved = [Deployed(*row) for row in await session.execute(_moved(product, now - timedelta(days=days)))]
        stuck = await _stuck(session, product, now - timedelta(days=days))
    return measured(product, days, moved, stuck, now)


def _moved(product: str, since: datetime) -> Select[Any]:
    here = (Deployment.product == product, Deployment.environment == "production", Deployment.at >= since)
    mends = (
        select(Release.base_release).where(Release.id == Deployment.cause, Release.hotfix).scalar_subquery()
    )
    adopted = select(Release.id).where(Release.product == product, Release.direction == "adoption")
    columns = (
        Deployment.at,
        Deployment.kind,
        Deployment.cause,
        Deployment.lead_seconds,
        Deployment.restore_seconds,
    )
    return select(*columns, mends).where(*here, Deployment.cause.not_in(adopted)).order_by(Deployment.id)


async def _stuck(session: AsyncSession, product: str, since: datetime) -> frozenset[str]:
    """Releases whose way back did not finish."""
    mine = (Release.product == product, Release.created_at >= since)
    harmful = (Release.status == ReleaseStatus.FAILED, Release.production_touched)
    return frozenset(await session.scalars(select(Release.id).where(*mine, *harmful)))


def measured(
    product: str, days: int, moved: Sequence[Deployed], stuck: frozenset[str], now: datetime
) -> Metrics:
    """The measures of what happened. Pure."""
    forward = [one for one in moved if one.kind == "release"]
    back = {one.cause for one in moved if one.kind == "rollback"}
    failed = back | stuck | {one.mends for one in forward if one.mends}
    reached = {one.cause for one in moved} | failed
    leads = [one.lead for one in forward if one.lead is not None]
    restores = [one.restore for one in moved if one.restore is not None]
    weeks = _weeks(forward, failed, days, now)
    return Metrics(
        product, days, len(forward), len(reached), len(failed), _middle(leads), _middle(restores), weeks
    )


def _weeks(forward: Sequence[Deployed], failed: set[str], days: int, now: datetime) -> tuple[Week, ...]:
    """The newest weeks, the last one ending now."""
    count = min(MOST_WEEKS, -(-days // 7))
    found: list[list[Deployed]] = [[] for _ in range(count)]
    for one in forward:
        ago = int((now - one.at) / WEEK)
        if ago < count:
            found[count - 1 - max(0, ago)].append(one)
    return tuple(_week(now - WEEK * (count - number), week, failed) for number, week in enumerate(found))


def _week(begins: datetime, moved: Sequence[Deployed], failed: set[str]) -> Week:
    bad = sum(one.cause in failed for one in moved)
    return Week(begins, len(moved) - bad, bad, _middle([one.lead for one in moved if one.lead is not None]))


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None
