"""Releases that people want later: at a time, or when their turn in the queue has come.

A wish is looked at when it is made, as far as that can tell already; when its time has come everything is looked at
anew, as for a command typed at that moment (pipeline.timekeeper). A release that fails or is rolled back halts all of
its product's wishes, until a person lets them go on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from pipeline import candidate, inbox, openness, policy, snapshot
from pipeline.errors import Refused
from pipeline.events import Fact, record_of_product
from pipeline.models import Delivery, Lock, Release
from pipeline.models_time import Wish
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.states import PENDING_WISH, WishStatus, move_wish
from pipeline.store import settled
from pipeline.version import Version, parse_version, suggestions

MOST = 50
"""Wishes of one product that may be pending: more than anybody means."""
FAILED = "release_failed"
"""The code of wishes that a failed release has halted."""


@dataclass(frozen=True)
class Placed:
    """A wish that was recorded, and the versions that are before it."""

    wish: Wish
    before: tuple[str, ...]


async def ask(
    service: Service, actor: Actor, product: str, text: str, ref: str | None, at: datetime | None, origin: str
) -> Placed:
    """Schedule a release for a time, or (without one) queue it. Raises Refused.

    What passes by itself, a freeze or a release that is under way, is no reason to refuse it.
    """
    if again := await _by_origin(service, origin):
        return again
    version, ports = parse_version(text), service.ports(product)
    await policy.may(actor, "start", service.product(product), ports.directory)
    if at is not None and at <= service.clock():
        raise Refused("time_past", text=f"{at:%Y-%m-%d %H:%M} UTC")
    found = await candidate.find(ports.repository, service.product(product), product, version, ref)

    async def write() -> Placed:
        wish = _wish(service, actor, product, version, ref, at, origin)
        async with service.db.transaction() as session:
            return await _ask(service, session, actor, wish, version, found.last_tagged)

    placed = await settled(write)
    service.nudge(product)
    return placed


async def _by_origin(service: Service, origin: str) -> Placed | None:
    """The wish that this very request made before."""
    async with service.db.reading() as session:
        wish = await session.scalar(select(Wish).where(Wish.origin == origin))
        return await _placed(session, wish) if wish else None


async def _ask(
    service: Service,
    session: AsyncSession,
    actor: Actor,
    wish: Wish,
    version: Version,
    last_tagged: Version | None,
) -> Placed:
    again = await session.scalar(select(Wish).where(Wish.origin == wish.origin))
    if again is None:
        await _may_be_wished(service, session, wish, version, last_tagged)
        await _add(service, session, actor, wish)
    return await _placed(session, again or wish)


async def _placed(session: AsyncSession, wish: Wish) -> Placed:
    others = await pending(session, wish.product)
    return Placed(wish, tuple(other.version for other in others if _order(other) < _order(wish)))


async def _may_be_wished(
    service: Service, session: AsyncSession, wish: Wish, version: Version, last_tagged: Version | None
) -> None:
    """Raise Refused for what could not be done at any later time either, and for what is on its way already."""
    live = await snapshot.live_deployment(session, wish.product)
    policy.newer(version, parse_version(live.version) if live else None, last_tagged)
    lock = await session.get(Lock, (wish.product, "production"))
    running = await session.get(Release, lock.release_id) if lock and lock.release_id else None
    if running is not None and running.version == wish.version:
        raise Refused("under_way", version=wish.version)
    others = await pending(session, wish.product)
    if same := next((other for other in others if other.version == wish.version), None):
        due = openness.moment(same.due_at, service.product(wish.product))
        raise Refused("wished_already", version=wish.version, by=same.actor, due=due)
    if len(others) >= MOST:
        raise Refused("queue_full", product=wish.product, most=str(MOST))


def _wish(
    service: Service,
    actor: Actor,
    product: str,
    version: Version,
    ref: str | None,
    at: datetime | None,
    origin: str,
) -> Wish:
    now = service.clock()
    return Wish(
        id=f"wish_{ULID()}",
        product=product,
        version=version.tag,
        ref=ref,
        actor=actor.user,
        team=actor.team,
        channel=actor.channel,
        status=WishStatus.WAITING,
        due_at=at,
        code="",
        facts={},
        origin=origin,
        created_at=now,
        since=now,
        look_at=at or now,
    )


async def _add(service: Service, session: AsyncSession, actor: Actor, wish: Wish) -> None:
    """While the others are halted after a failed release, it is too."""
    others = await pending(session, wish.product)
    session.add(wish)
    if halted := next((other for other in others if other.code == FAILED), None):
        halt([wish], halted.code, halted.facts, str(halted.asks))
    kind = "release_scheduled" if wish.due_at else "release_queued"
    await tell(service, session, kind, actor, [wish], (registered(wish),))


# ------------------------------------------------------------------- looking


async def pending(session: AsyncSession, product: str) -> list[Wish]:
    """The wishes of a product that are still to be fulfilled, in the order in which they become releases."""
    found = await session.scalars(
        select(Wish).where(Wish.product == product, Wish.status.in_(PENDING_WISH)).order_by(Wish.id)
    )
    return sorted(found, key=_order)


def _order(wish: Wish) -> tuple[datetime, str]:
    return wish.ready_at, wish.id


def registered(wish: Wish) -> str:
    """The message that tells of a wish from its beginning to its end."""
    return f"wish:{wish.id.removeprefix('wish_')}"


# -------------------------------------------------------------------- changing


async def cancel(
    service: Service, actor: Actor, product: str, origin: str, *, version: str = "", wish_id: str = ""
) -> Wish | None:
    """Take a wish back, by its version or its id; None when this very request did it before. Raises Refused."""
    await policy.may(actor, "start", service.product(product), service.ports(product).directory)
    async with service.db.transaction() as session:
        if not await inbox.once(session, origin, service.clock()):
            return None
        wish = await _find(session, product, version, wish_id)
        others = [other for other in await pending(session, product) if other.id != wish.id]
        asked = wish.asks if not any(other.asks == wish.asks for other in others) else None
        move_wish(wish, WishStatus.CANCELLED)
        wish.ended_at, wish.asks = service.clock(), None
        topics = await messages(session, wish, asked)
        await tell(service, session, "wish_cancelled", actor, [wish], topics)
    service.nudge(product)
    return wish


async def _find(session: AsyncSession, product: str, version: str, wish_id: str) -> Wish:
    if wish_id:
        wish = await session.get(Wish, wish_id, with_for_update=True)
        if wish is None or wish.product != product:
            raise Refused("out_of_date", version="the product")
    else:
        tag = parse_version(version).tag
        wanted = select(Wish).where(Wish.product == product, Wish.version == tag).order_by(Wish.id.desc())
        wish = await session.scalar(wanted.limit(1).with_for_update())
        if wish is None:
            near = suggestions(tag, [one.version for one in await pending(session, product)])
            raise Refused("not_wished", version=tag, near=",".join(near))
    if wish.status not in PENDING_WISH:
        raise Refused("wish_over", version=wish.version, state=wish.status.value)
    return wish


async def go_on(service: Service, actor: Actor, product: str, asks: str, origin: str) -> bool:
    """Let what was halted go on, all that one message asked about; False when this very request did it before.

    What failed before this moment halts them no more. Raises Refused.
    """
    await policy.may(actor, "start", service.product(product), service.ports(product).directory)
    async with service.db.transaction() as session:
        now = service.clock()
        if not await inbox.once(session, origin, now):
            return False
        halted = await _halted(session, product, asks)
        for wish in halted:
            move_wish(wish, WishStatus.WAITING)
            wish.code, wish.facts, wish.asks = "", {}, None
            wish.since, wish.look_at = now, max(now, wish.due_at or now)
        await tell(service, session, "wishes_resumed", actor, halted, (asks,))
    service.nudge(product)
    return True


async def _halted(session: AsyncSession, product: str, asks: str) -> list[Wish]:
    wanted = (Wish.product == product, Wish.status == WishStatus.HALTED, Wish.asks == asks)
    halted = list(await session.scalars(select(Wish).where(*wanted).order_by(Wish.id).with_for_update()))
    if not halted:
        raise Refused("nothing_halted", product=product)
    return sorted(halted, key=_order)


def halt(wishes: Iterable[Wish], code: str, facts: dict[str, str], asks: str) -> None:
    """Nothing of these starts by itself until a person says so."""
    for wish in wishes:
        move_wish(wish, WishStatus.HALTED)
        wish.code, wish.facts, wish.asks = code, facts, asks


# --------------------------------------------------------------------- telling


async def messages(session: AsyncSession, wish: Wish, *others: str | None) -> tuple[str, ...]:
    """The messages that tell of a wish, and others, as far as they were ever wanted."""
    topics = [registered(wish), waits(wish), *(other for other in others if other)]
    known = select(Delivery.topic).where(
        Delivery.release_id.is_(None), Delivery.product == wish.product, Delivery.topic.in_(topics)
    )
    return tuple(await session.scalars(known))


def waits(wish: Wish) -> str:
    """The message that says what a wish waits for, whose time has come."""
    return f"{registered(wish)}:waits"


def asks_of(wish: Wish) -> str:
    """The message that asks or tells who wanted it, with a mention."""
    return f"{registered(wish)}:asks"


async def tell(
    service: Service,
    session: AsyncSession,
    kind: str,
    actor: Actor,
    wishes: Sequence[Wish],
    topics: tuple[str, ...],
) -> None:
    """Record a fact of a product about some of its wishes, to be told in the product's channel."""
    product = service.product(wishes[0].product)
    payload = {"wishes": [_told(wish) for wish in wishes], "zone": product.timezone}
    fact = Fact.by(actor, kind, payload, topics)
    await record_of_product(session, wishes[0].product, product.channel, fact, service.clock())


def _told(wish: Wish) -> dict[str, Any]:
    return {
        "id": wish.id,
        "version": wish.version,
        "ref": wish.ref,
        "by": wish.actor,
        "due": wish.due_at.timestamp() if wish.due_at else None,
        "status": wish.status.value,
        "code": wish.code,
        "facts": wish.facts,
        "asks": wish.asks,
        "release": wish.release_id,
    }
