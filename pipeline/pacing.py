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

    def free_at(self, spent: datetime, now: datetime) -> datetime:
        """From when a call can be paid for, of a budget that is spent until `spent`."""
        return max(now, spent - self.credit)

    def after(self, spent: datetime, now: datetime) -> datetime:
        """Until when the budget is spent after a call."""
        return max(spent, now) + self.gap


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
    return Pace(Rate(timedelta(seconds=1)), at_most(edits_per_minute))


def at_most(per_minute: int) -> Rate:
    """A rate that no minute has more calls of, whenever it begins: a fifth of them may come at once.

    Two less than that, as calls may arrive closer together than they leave.
    """
    burst = max(1, per_minute // 5)
    return Rate(timedelta(minutes=1) / max(1, per_minute - burst - 1), burst)


async def reserve(session: AsyncSession, name: str, rate: Rate, now: datetime) -> datetime | None:
    """Pay for one call from a budget, or the time when it can be paid for."""
    spent = await _spent(session, name, now)
    if (free_at := rate.free_at(spent, now)) > now:
        return free_at
    await _spend(session, name, rate.after(spent, now))
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
