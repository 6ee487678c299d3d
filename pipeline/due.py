"""What the outbox sends next, and what that message is to show."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from pipeline import snapshot
from pipeline.events import CARD, DIRECT
from pipeline.mails import MAIL
from pipeline.models import Delivery, Event, Release
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE

NEWS = timedelta(days=1)
"""How long a fact of a product that could not be told is worth another try at a start."""


def by_mail(wanted: bool) -> ColumnElement[bool]:
    """Whether a message goes by e-mail, or (not `wanted`) to the chat platform."""
    found = Delivery.topic.like(f"{MAIL}:%")
    return found if wanted else ~found


def next_due(database_now: ColumnElement[float], *, mails: bool = False) -> Any:
    """The message to send next: unsent and due `now`, and of nothing that is `busy` (releases, products).

    These two are given with each execution: the statement is made once, as it is asked for all the time. Nothing of a
    release goes before its card, which is its thread's parent and awaited by people; e-mails have no thread.
    """
    card = aliased(Delivery)
    of_release = (card.release_id == Delivery.release_id, card.topic == CARD)
    # A scalar, not EXISTS: PostgreSQL would read all cards there ever were into a hash first.
    has_card = select(card.ts).where(*of_release).scalar_subquery().is_not(None)
    alone = Delivery.topic.like(f"{DIRECT}:%")
    free = or_(Delivery.owner.is_(None), Delivery.lease_until < database_now)
    first_post = and_(Delivery.topic == CARD, Delivery.ts.is_(None))
    return (
        select(Delivery)
        .where(
            Delivery.sent < Delivery.wanted,
            Delivery.given_up.is_(None),
            Delivery.next_at <= bindparam("now"),
            free,
            by_mail(mails),
            or_(by_mail(True), Delivery.topic == CARD, Delivery.release_id.is_(None), alone, has_card),
            func.coalesce(Delivery.release_id, Delivery.product).not_in(bindparam("busy", expanding=True)),
        )
        .order_by(or_(Delivery.urgent, first_post).desc(), Delivery.id)
        .limit(1)
    )


def silent(now: datetime) -> Any:
    """Messages that could not be sent and are still worth it: of running releases, and fresh facts of products."""
    status = select(Release.status).where(Release.id == Delivery.release_id).scalar_subquery()
    news = and_(Delivery.release_id.is_(None), Delivery.next_at > now - NEWS)
    return and_(
        Delivery.sent < Delivery.wanted,
        Delivery.given_up.is_not(None),
        or_(news, status.in_(ACTIVE)),  # looked up for each of the few, instead of reading all releases
    )


async def contents(session: AsyncSession, row: Delivery) -> tuple[Snapshot | Event | None, str | None]:
    """What a message is to show (None: it is gone), and the card that is its thread's parent."""
    if row.release_id is None:
        return await session.get(Event, row.wanted), None
    card = select(Delivery.ts).where(Delivery.release_id == row.release_id, Delivery.topic == CARD)
    with_told = row.topic.startswith((MAIL, "customers"))
    return await snapshot.load(session, row.release_id, with_told=with_told), await session.scalar(card)
