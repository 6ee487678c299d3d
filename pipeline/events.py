"""Facts, and which messages each of them changes. Written in the transaction that makes the fact true."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql, sqlite
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


@dataclass(frozen=True)
class Told:
    """What became true of one release at one moment."""

    release: Release
    facts: Sequence[Fact]
    at: datetime


async def record(session: AsyncSession, release: Release, facts: Sequence[Fact], at: datetime) -> None:
    """Append the facts as events and mark their messages as wanted, in the caller's transaction."""
    await record_all(session, [Told(release, facts, at)])


async def record_all(session: AsyncSession, news: Iterable[Told]) -> None:
    """The same for many releases at once."""
    rows = [(told, fact) for told in news for fact in told.facts]
    if not rows:
        return
    events = await session.scalars(
        insert(Event).returning(Event.id, sort_by_parameter_order=True),
        [_event(told, fact) for told, fact in rows],
    )
    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for (told, fact), event in zip(rows, events, strict=True):
        for topic in fact.topics:
            wanted[told.release.id, topic] = _delivery(told, topic, event)
    await _want(session, [wanted[message] for message in sorted(wanted)])
    await wake(session, *dict.fromkeys(told.release.id for told, _ in rows))


async def _want(session: AsyncSession, deliveries: list[dict[str, Any]]) -> None:
    """Have messages sent (again): always in the same order, so that no two writers wait for each other."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    into: Any = sqlite.insert(Delivery) if on_sqlite else postgresql.insert(Delivery)
    again = {"wanted": into.excluded.wanted, "given_up": None}
    await session.execute(
        into.on_conflict_do_update(index_elements=["release_id", "topic"], set_=again), deliveries
    )


def _event(told: Told, fact: Fact) -> dict[str, Any]:
    return {
        "release_id": told.release.id,
        "product": told.release.product,
        "kind": fact.kind,
        "actor": fact.actor,
        "payload": fact.payload,
        "at": told.at,
    }


def _delivery(told: Told, topic: str, event: int) -> dict[str, Any]:
    urgent = topic.startswith(ASK_FIRST)
    return {
        "release_id": told.release.id,
        "topic": topic,
        "wanted": event,
        "sent": 0,
        "urgent": urgent,
        "next_at": told.at,
    }
