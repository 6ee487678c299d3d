"""How a product is delivered, by DORA's four measures (docs/metrics.md has their definitions)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.models import Deployment, Release
from pipeline.service import Service
from pipeline.states import ReleaseStatus

DAYS = 90
"""Days that are looked at, unless others are asked for."""
MOST_DAYS = 3650
FRESH = timedelta(minutes=5)
"""How old the measures may be that are shown at a glance."""
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


class Remembered:
    """Measures for a glance: those of a moment ago, unless production's traffic has moved since."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int | None, datetime, Metrics]] = {}

    async def of(self, service: Service, product: str) -> Metrics:
        """A product's measures over the usual time, at most `FRESH` old."""
        now = service.clock()
        async with service.db.reading() as session:
            newest = await session.scalar(select(func.max(Deployment.id)).where(*_in_production(product)))
        known = self._known.get(product)
        if known is None or known[0] != newest or now - known[1] > FRESH:
            known = self._known[product] = newest, now, await metrics(service, product)
        return known[2]


async def metrics(service: Service, product: str, days: int = DAYS) -> Metrics:
    """A product's measures over the last `days`."""
    now = service.clock()
    async with service.db.reading() as session:
        moved = [Deployed(*row) for row in await session.execute(_moved(product, now - timedelta(days=days)))]
        stuck = await _stuck(session, product, now - timedelta(days=days))
    return measured(product, days, moved, stuck, now)


def _moved(product: str, since: datetime) -> Select[Any]:
    mends = case((Release.hotfix, Release.base_release))
    columns = (
        Deployment.at,
        Deployment.kind,
        Deployment.cause,
        Deployment.lead_seconds,
        Deployment.restore_seconds,
    )
    return (
        select(*columns, mends)
        .join(Release, Release.id == Deployment.cause)
        .where(*_in_production(product), Deployment.at >= since, Release.direction != "adoption")
        .order_by(Deployment.id)
    )


def _in_production(product: str) -> tuple[ColumnElement[bool], ...]:
    return Deployment.product == product, Deployment.environment == "production"


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
