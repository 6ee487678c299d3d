"""How often the chat platform may be called: one budget for all bots on one database.

A budget is a row with the time until which it is spent (GCRA, the leaky bucket as one number): a call costs
`gap`, and `burst` calls may come at once after a quiet time. It is reserved in the transaction that takes a
message, so that no two bots spend the same second.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.models import Budget


@dataclass(frozen=True)
class Rate:
    """One call each `gap`, or `burst` at once after a quiet time."""

    gap: timedelta
    burst: int = 1

    @property
    def credit(self) -> timedelta:
        """How far ahead of time calls may be."""
        return self.gap * (self.burst - 1)


@dataclass(frozen=True)
class Pace:
    """The rates of posts (to each channel) and of edits (all together)."""

    post: Rate
    edit: Rate

    def of(self, channel: str, is_post: bool) -> tuple[str, Rate]:
        """The budget that a call is paid from, by name."""
        return (f"post {channel}", self.post) if is_post else ("edit", self.edit)


def slack(edits_per_minute: int) -> Pace:
    """Slack's limits: chat.postMessage one a second and channel; chat.update Tier 3, fifty a minute for all cards."""
    return Pace(Rate(timedelta(seconds=1)), Rate(timedelta(minutes=1) / edits_per_minute, burst=10))


async def reserve(session: AsyncSession, name: str, rate: Rate, now: datetime) -> datetime | None:
    """Pay for one call from a budget, or the time when it can be paid for."""
    spent = await _spent(session, name, now)
    if spent - rate.credit > now:
        return spent - rate.credit
    await _spend(session, name, max(spent, now) + rate.gap)
    return None


async def pause(session: AsyncSession, name: str, rate: Rate, until: datetime) -> None:
    """Nobody calls before `until`: the platform said so to one of us."""
    spent = await _spent(session, name, until)
    await _spend(session, name, max(spent, until + rate.credit))


async def _spent(session: AsyncSession, name: str, otherwise: datetime) -> datetime:
    """Until when the budget is spent; its row is made where there is none, and locked."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert: Any = sqlite.insert if on_sqlite else postgresql.insert
    made = insert(Budget).values(name=name, spent_until=otherwise).on_conflict_do_nothing()
    await session.execute(made)
    found = await session.scalar(select(Budget.spent_until).where(Budget.name == name).with_for_update())
    assert found is not None
    return found


async def _spend(session: AsyncSession, name: str, until: datetime) -> None:
    await session.execute(update(Budget).where(Budget.name == name).values(spent_until=until))
