"""Facts, and which messages each of them changes. Written in the transaction that makes the fact true."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.models import Delivery, Event, Release
from pipeline.store import wake

BOT = "bot"
"""The actor of what nobody asked for by hand."""

CARD = "card"
CHECKLIST = {"before": "checklist:before", "after": "checklist:after"}
ANNOUNCEMENT = "announcement"
WAY_BACK = "announcement:rollback"
RESULT = "result"
ASK_FIRST = ("approval", "checklist", "decision", "announcement", "result")
"""Topics that people wait for: they are sent before progress notes."""


@dataclass(frozen=True)
class Fact:
    """An event about to be recorded, and the topics (messages) that must show it."""

    kind: str
    actor: str = BOT
    payload: dict[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = (CARD,)


def note(stage: str, generation: int) -> str:
    """The topic of a stage's note in the release's thread."""
    return f"note:{stage}:{generation}"


def request(kind: str, run_id: int) -> str:
    """The topic of something asked of people by one stage run, such as an approval."""
    return f"{kind}:{run_id}"


async def record(session: AsyncSession, release: Release, facts: Iterable[Fact], at: datetime) -> None:
    """Append the facts as events and mark their messages as wanted, in the caller's transaction."""
    rows = [(fact, _event(release, fact, at)) for fact in facts]
    if not rows:
        return
    session.add_all([row for _, row in rows])
    await session.flush()
    wanted = {topic: row.id for fact, row in rows for topic in fact.topics}
    known = await session.scalars(
        select(Delivery).where(Delivery.release_id == release.id, Delivery.topic.in_(wanted))
    )
    for delivery in known:
        delivery.wanted = wanted.pop(delivery.topic)
        delivery.given_up = None
    session.add_all([_delivery(release.id, topic, event, at) for topic, event in wanted.items()])
    await wake(session, release.id)


def _event(release: Release, fact: Fact, at: datetime) -> Event:
    return Event(
        release_id=release.id,
        product=release.product,
        kind=fact.kind,
        actor=fact.actor,
        payload=fact.payload,
        at=at,
    )


def _delivery(release_id: str, topic: str, event: int, at: datetime) -> Delivery:
    urgent = topic.startswith(ASK_FIRST)
    return Delivery(release_id=release_id, topic=topic, wanted=event, sent=0, urgent=urgent, next_at=at)
