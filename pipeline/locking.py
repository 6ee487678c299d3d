"""Locks and freezes that people make, and how they end: by a person, or by the clock.

Each change is one transaction: the row, the fact with its message, and a word to the release that is under way, which
looks again whether it may go on.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from pipeline import freezes, inbox, locks, openness, policy, turning
from pipeline.errors import Refused
from pipeline.events import CLOCK, Fact, record_of_product
from pipeline.models import Lock, Release
from pipeline.models_time import FreezeWindow
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.states import ACTIVE
from pipeline.store import settled

FROZEN, THAWED = "freeze", "thaw"
"""What the topics of the messages begin with that tell of a freeze, and of its end."""


@contextlib.asynccontextmanager
async def changing(service: Service, product: str, origin: str = "") -> AsyncIterator[AsyncSession | None]:
    """A transaction that changes what keeps releases of a product out; the one under way is woken.

    None: this very request was carried out before.
    """
    now = service.clock()
    async with service.db.transaction() as session:
        if origin and not await inbox.once(session, origin, now):
            yield None
            return
        woken = await _wake(session, product, now)
        yield session
    for release in woken or [product]:
        service.nudge(release)


async def _wake(session: AsyncSession, product: str, now: datetime) -> list[str]:
    woken = (
        update(Release)
        .where(Release.product == product, Release.status.in_(ACTIVE))
        .values(signals=Release.signals + 1, wake_at=now)
        .returning(Release.id)
        .execution_options(synchronize_session=False)
    )
    return list(await session.scalars(woken))


async def _may(service: Service, actor: Actor, product: str, environment: str) -> None:
    if environment not in locks.ENVIRONMENTS:
        raise Refused("which_environment", text=environment[:80], near="")
    directory = service.ports(product).directory
    await policy.may(actor, "lock", service.product(product), directory, environment)


def _later(until: datetime | None, now: datetime) -> None:
    if until is not None and until <= now:
        raise Refused("time_past", text=f"{until:%Y-%m-%d %H:%M} UTC")


# --------------------------------------------------------------------- locks


async def lock(
    service: Service,
    actor: Actor,
    product: str,
    environment: str,
    reason: str,
    until: datetime | None,
    origin: str,
) -> None:
    """Lock an environment, for good or until a moment. Who locked it may change why and how long.

    A release that is under way waits before it gets there. Raises Refused.
    """
    if not reason.strip():
        raise Refused("lock_reason_missing")
    _later(until, service.clock())
    await _may(service, actor, product, environment)

    async def write() -> None:
        async with changing(service, product, origin) as session:
            if session is not None:
                await _lock(service, session, actor, product, environment, reason.strip(), until)

    await settled(write)


async def _lock(
    service: Service,
    session: AsyncSession,
    actor: Actor,
    product: str,
    environment: str,
    reason: str,
    until: datetime | None,
) -> None:
    now, settings = service.clock(), service.product(product)
    row = await session.get(Lock, (product, environment), with_for_update=True)
    before = _own(row, actor, settings.timezone, now)
    if row is None:
        row = Lock(product=product, environment=environment)
        session.add(row)
    row.said = f"{locks.MADE}:{ULID()}"
    row.reason, row.actor, row.expires_at, row.created_at = reason[:500], actor.user, until, now
    fact = Fact.by(actor, "environment_locked", locks.told(row, settings), (*before, row.said))
    await record_of_product(session, product, settings.channel, fact, now)


def _own(row: Lock | None, actor: Actor, zone: str, now: datetime) -> tuple[str, ...]:
    """The message of the lock that is changed, if there is one. Raises Refused for somebody else's."""
    if row is None or not locks.locked(row, now):
        return (str(row.said),) if row and row.said else ()
    if locks.by_hand(row) and row.actor == actor.user:
        return (str(row.said),)
    until = f"{int(row.expires_at.timestamp())} {zone}" if row.expires_at else ""
    facts = {"environment": row.environment, "word": row.environment}
    raise Refused("already_locked", reason=row.reason, by=row.actor, until=until, **facts)


@dataclass(frozen=True)
class Opened:
    """A lock that was opened: why there was one, and whether a person had made it."""

    reason: str
    by_hand: bool


async def unlock(
    service: Service, actor: Actor, product: str, environment: str, origin: str, said: str | None = None
) -> Opened | None:
    """Open an environment; None when this very request did it before. Raises Refused.

    What a person locked is opened by whoever may lock; what a rollback left, by an approver. With `said` only the
    lock that this message tells of.
    """
    async with service.db.reading() as session:
        row = await session.get(Lock, (product, environment))
    if said is None and row is not None and not locks.by_hand(row):
        left = await turning.unlock(service, actor, product, origin)
        return Opened(left, by_hand=False) if left is not None else None
    await _may(service, actor, product, environment)
    async with changing(service, product, origin) as session:
        if session is None:
            return None
        row = await session.get(Lock, (product, environment), with_for_update=True)
        if row is None and said is None:
            raise Refused("not_locked", product=product, where=environment)
        if row is None or not locks.by_hand(row) or said not in (None, row.said):
            raise Refused("out_of_date", version="the product")
        reason = row.reason
        await locks.end(
            session, row, service.product(product), "environment_unlocked", actor, service.clock()
        )
    return Opened(reason, by_hand=True)


# ------------------------------------------------------------------- freezes


async def freeze(
    service: Service, actor: Actor, product: str, until: datetime, reason: str, origin: str
) -> None:
    """Freeze production until a moment, or change until when and why. Raises Refused."""
    _later(until, service.clock())
    await _may(service, actor, product, "production")

    async def write() -> None:
        async with changing(service, product, origin) as session:
            if session is not None:
                await _freeze(service, session, actor, product, until, reason.strip())

    await settled(write)


async def _freeze(
    service: Service, session: AsyncSession, actor: Actor, product: str, until: datetime, reason: str
) -> None:
    now, settings = service.clock(), service.product(product)
    row = await session.get(FreezeWindow, product, with_for_update=True)
    before = (row.said,) if row is not None else ()
    if row is None:
        row = FreezeWindow(product=product)
        session.add(row)
    row.said = f"{FROZEN}:{ULID()}"
    row.reason, row.actor, row.created_at, row.ends_at = reason[:500], actor.user, now, until
    fact = Fact.by(actor, "production_frozen", _told(row, settings.timezone), (*before, row.said))
    await record_of_product(session, product, settings.channel, fact, now)


async def unfreeze(
    service: Service, actor: Actor, product: str, origin: str, said: str | None = None
) -> bool:
    """End the freeze that a person made, whoever did; with `said` only that of this message.

    False when this very request did it before. Raises Refused; bot.toml's freezes cannot be ended.
    """
    await _may(service, actor, product, "production")
    async with changing(service, product, origin) as session:
        if session is None:
            return False
        row = await session.get(FreezeWindow, product, with_for_update=True)
        if row is not None and said not in (None, row.said):
            raise Refused("out_of_date", version="the product")
        if row is None or row.ends_at <= service.clock():
            raise _not_frozen(service, product)
        await _thaw(session, service, row, "production_unfrozen", actor)
    return True


def _not_frozen(service: Service, product: str) -> Refused:
    settings = service.product(product)
    written = freezes.standing(settings, None, service.clock())
    if written is None:
        return Refused("not_frozen", product=product)
    return Refused("frozen_by_file", name=written.name, until=openness.moment(written.until, settings))


async def _thaw(session: AsyncSession, service: Service, row: FreezeWindow, kind: str, actor: Actor) -> None:
    settings = service.product(row.product)
    topics = (row.said, row.said.replace(FROZEN, THAWED, 1))
    fact = Fact.by(actor, kind, _told(row, settings.timezone), topics)
    await session.delete(row)
    await record_of_product(session, row.product, settings.channel, fact, service.clock())


def _told(row: FreezeWindow, zone: str) -> dict[str, object]:
    told = {"reason": row.reason, "by": row.actor, "until": row.ends_at.timestamp(), "zone": zone}
    return told | {"said": row.said}


# ------------------------------------------------------------------ the clock


async def over(session: AsyncSession, products: Iterable[str], now: datetime) -> list[str]:
    """The products of which a lock or a freeze that a person made is over."""
    names = list(products)
    done = select(Lock.product).where(Lock.product.in_(names), Lock.said.is_not(None), Lock.expires_at <= now)
    thawed = select(FreezeWindow.product).where(FreezeWindow.product.in_(names), FreezeWindow.ends_at <= now)
    return sorted({*await session.scalars(done), *await session.scalars(thawed)})


async def end_what_is_over(service: Service, product: str) -> None:
    """Take a product's locks and freezes away whose time is over, and tell it, once."""
    settings, now = service.product(product), service.clock()
    async with changing(service, product) as session:
        assert session is not None
        for environment in locks.ENVIRONMENTS:
            row = await session.get(Lock, (product, environment), with_for_update=True)
            if row is not None and locks.by_hand(row) and locks.expired(row, now):
                await locks.end(session, row, settings, "lock_expired", CLOCK, now)
        frozen = await session.get(FreezeWindow, product, with_for_update=True)
        if frozen is not None and frozen.ends_at <= now:
            await _thaw(session, service, frozen, "freeze_expired", CLOCK)
