"""Facts, and which messages each of them changes. Written in the transaction that makes the fact true.

A fact is a release's, or a product's: that a flag was switched, for example. What a product's fact is told by is
posted once, in the channel that is given with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import audit
from pipeline.models import Delivery, Event, Follower, Release
from pipeline.policy import Actor
from pipeline.store import wake

BOT = "bot"
"""The actor of what nobody asked for by hand."""
CLOCK = Actor(BOT, "", source=BOT)
"""Who does what is done because its time has come."""

CARD = "card"
CHECKLIST = {"before": "checklist:before", "after": "checklist:after"}
ANNOUNCEMENT = "announcement"
WAY_BACK = "announcement:rollback"
EVIDENCE = "evidence"
"""The topic of what was proven before people are asked: one message for several stages."""
RESULT = "result"
HOTFIX = "hotfix"
CUSTOMERS = "customers:draft"
"""The topic of what customers may be told."""
DIRECT = "dm"
"""The first word of a topic that one person is told alone."""
ASK_FIRST = ("approval", "checklist", "decision", "announcement", "result", "reminder", HOTFIX, "alone")
"""Topics that people wait for: they are sent before progress notes."""


@dataclass(frozen=True)
class Fact:
    """An event about to be recorded, and the topics (messages) that must show it.

    What a person does is made with `by`, so that the audit log knows from where. Each kind stands in audit.KINDS.
    """

    kind: str
    actor: str = BOT
    payload: dict[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = (CARD,)
    team: str = ""
    source: str = BOT
    origin: str = ""

    @classmethod
    def by(
        cls, actor: Actor, kind: str, payload: dict[str, Any], topics: tuple[str, ...] = (CARD,)
    ) -> "Fact":
        """A fact that a person made true."""
        return cls(kind, actor.user, payload, topics, actor.team, actor.source, actor.origin)


def note(stage: str, generation: int) -> str:
    """The topic of a stage's note in the release's thread."""
    return f"note:{stage}:{generation}"


def result(attempt: int) -> str:
    """The topic that says how a release ended before production: a further attempt has a message of its own."""
    return RESULT if attempt == 1 else f"{RESULT}:{attempt}"


def reminder(run_id: int, at: float) -> str:
    """The topic of what people were told again at a moment (a POSIX time)."""
    return f"reminder:{run_id}:{int(at)}"


def customers_post(channel: str) -> str:
    """The topic of what customers are told in a channel."""
    return f"customers:post:{channel}"


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
    news = list(news)
    rows = [(told, fact) for told in news for fact in told.facts]
    if not rows:
        return
    await session.execute(insert(Event), [_event(told, fact) for told, fact in rows])
    await audit.append(
        session, [_draft(told.release.product, fact, told.at, told.release) for told, fact in rows]
    )
    wanted = {(told.release.id, topic): told.at for told, fact in rows for topic in fact.topics}
    if wanted:
        await session.execute(
            _want(session), [_delivery(*message, wanted[message]) for message in sorted(wanted)]
        )
    await _tell_followers(session, [told for told in news if any(f.kind in FOLLOWED for f in told.facts)])
    await wake(session, *dict.fromkeys(told.release.id for told, _ in rows))


FOLLOWED = frozenset({
    "production_touched", "release_succeeded", "release_failed", "release_cancelled", "rollback_started",
    "release_rolled_back",
})  # fmt: skip
"""Facts that who follows a release is told by themselves."""


async def _tell_followers(session: AsyncSession, news: Iterable[Told]) -> None:
    for told in news:
        for kind in dict.fromkeys(fact.kind for fact in told.facts if fact.kind in FOLLOWED):
            follows = (Follower.release_id == told.release.id, Follower.mode == "follow")
            people = await session.scalars(select(Follower.user).where(*follows).order_by(Follower.user))
            await direct(session, told.release.id, kind, list(people), told.at)


async def direct(
    session: AsyncSession, release_id: str, about: str, people: Iterable[str], at: datetime
) -> None:
    """Have something of a release told to people alone, to each of them once."""
    for user in people:
        await tell_elsewhere(session, release_id, f"{DIRECT}:{about}:{user}", user, at)


async def tell_elsewhere(
    session: AsyncSession, release_id: str, topic: str, channel: str, at: datetime
) -> None:
    """Have a message of a release told in another channel than its own, once."""
    newest = select(func.max(Event.id)).where(Event.release_id == release_id).scalar_subquery()
    row = {"release_id": release_id, "topic": topic, "channel": channel, "sent": 0}
    into = _insert(session).values(**row, wanted=newest, urgent=True, next_at=at)
    await session.execute(into.on_conflict_do_nothing())


async def record_of_product(
    session: AsyncSession, product: str, channel: str, fact: Fact, at: datetime
) -> Event:
    """Append a fact that belongs to no release; its topics are messages of the product in `channel`, each its own.

    A topic that was told before is told again by editing its message: it then shows this fact.
    """
    event = Event(product=product, kind=fact.kind, actor=fact.actor, payload=fact.payload, at=at)
    session.add(event)
    await session.flush()
    await audit.append(session, [_draft(product, fact, at)])
    for topic in sorted(fact.topics):
        await session.execute(_want_of_product(session, product, channel, topic, event.id, at))
    await wake(session)
    return event


def _want_of_product(
    session: AsyncSession, product: str, channel: str, topic: str, event_id: int, at: datetime
) -> Any:
    row = {"product": product, "topic": topic, "channel": channel, "wanted": event_id, "urgent": True}
    into = _insert(session).values(**row, sent=0, next_at=at)
    again = {"wanted": into.excluded.wanted, "given_up": None}
    return into.on_conflict_do_update(
        index_elements=["product", "topic"], index_where=Delivery.release_id.is_(None), set_=again
    )


def _insert(session: AsyncSession) -> Any:
    table: Any = Delivery.__table__
    return (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(table)


def _want(session: AsyncSession) -> Any:
    """Have messages sent (again): as of the newest event of their release.

    Executed with messages in always the same order, so that no two writers wait for each other.
    """
    into = _insert(session)
    newest = select(func.max(Event.id)).where(Event.release_id == bindparam("of")).scalar_subquery()
    again = {"wanted": into.excluded.wanted, "given_up": None}
    return into.values(wanted=newest).on_conflict_do_update(
        index_elements=["release_id", "topic"], set_=again
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


def _draft(product: str, fact: Fact, at: datetime, release: Release | None = None) -> audit.Draft:
    return audit.Draft(
        product, fact.kind, at, fact.actor, fact.payload, fact.team, fact.source, fact.origin, release
    )


def _delivery(release: str, topic: str, at: datetime) -> dict[str, Any]:
    urgent = topic.startswith(ASK_FIRST)
    return {"of": release, "release_id": release, "topic": topic, "sent": 0, "urgent": urgent, "next_at": at}
