"""Feature flags, from the service's side: how they stand with who changed what and when, and switching one.

It needs the bot's database and the store of the flags, and nothing else of the product's world: no release, no lock,
no repository and no target is asked. What counts as safe is read from the playbook of what is in service, as it is
kept with that release.
"""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import inbox, policy, snapshot
from pipeline.config import Flags
from pipeline.errors import FlagError, ReadBackError, Refused
from pipeline.events import Fact, record_of_product
from pipeline.lease import suspended_clock
from pipeline.models import Event, Release
from pipeline.policy import Actor
from pipeline.ports import Flag, FlagStore, Switched
from pipeline.service import Service, operator

REQUESTED, SWITCHED, FAILED, UNCONFIRMED = (
    "flag_switch_requested",
    "flag_switched",
    "flag_switch_failed",
    "flag_switch_unconfirmed",
)
ENVIRONMENTS = ("production", "staging")
LOOKED_AT = 500
"""Events of flags that are looked through for who changed what."""
SAME = timedelta(minutes=1)
"""How far apart the bot's record of a switch and the store's own may be."""


@dataclass(frozen=True)
class Standing:
    """One flag as people see it. `safe` is the playbook's word on it, None when it has none; `button`: it is one of
    the playbook's kill switches. Who, when and why: of the last change, as far as anybody knows."""

    flag: Flag
    safe: bool | None
    button: bool
    changed_by: str | None
    changed_at: datetime | None
    reason: str

    @property
    def unsafe(self) -> bool:
        return self.safe is not None and self.flag.on is not self.safe


@dataclass(frozen=True)
class Board:
    """The flags of one environment; `error` when they could not be read. `missing` are safe ones that it lacks."""

    environment: str
    flags: tuple[Standing, ...] = ()
    missing: tuple[str, ...] = ()
    error: str = ""


# ------------------------------------------------------------------- looking


async def boards(service: Service, product: str) -> tuple[Board, ...]:
    """How the flags stand, production first. A store that does not answer is said in its place."""
    async with service.db.reading() as session:
        rules = await _rules(session, product)
        changes = await _events(session, product, SWITCHED)
    stores = service.ports(product).flags
    return tuple(
        [await _board(where, stores[where], rules, changes) for where in ENVIRONMENTS if where in stores]
    )


async def _board(where: str, store: FlagStore, rules: Flags | None, changes: Sequence[Event]) -> Board:
    try:
        found = await store.flags()
    except FlagError as error:
        return Board(where, error=str(error))
    newest = _newest(changes, where)
    safe = rules.safe if rules else {}
    flags = tuple(_standing(flag, rules, newest.get(flag.key)) for flag in found)
    return Board(where, flags, tuple(set(safe) - {flag.key for flag in found}) if found else ())


def _newest(changes: Sequence[Event], where: str) -> dict[str, Event]:
    """The last switch of each flag in an environment."""
    return {e.payload["key"]: e for e in reversed(changes) if e.payload["environment"] == where}


def _standing(flag: Flag, rules: Flags | None, event: Event | None) -> Standing:
    safe, button = (rules.safe.get(flag.key), flag.key in rules.switches) if rules else (None, False)
    if event is None or not _is_still_so(flag, event):
        return Standing(flag, safe, button, flag.changed_by, flag.changed_at, "")
    return Standing(flag, safe, button, event.actor, event.at, event.payload["reason"])


def _is_still_so(flag: Flag, event: Event) -> bool:
    """Whether what the bot did last is how the flag stands, or somebody has changed it in its store since."""
    later = flag.changed_at is not None and flag.changed_at > event.at + SAME
    return flag.on is event.payload["to"] and not later


async def _rules(session: AsyncSession, product: str) -> Flags | None:
    """What the playbook of the version in service says of flags, else that of the newest release."""
    live = await snapshot.live_deployment(session, product)
    newest = await snapshot.last_releases(session, product, 1)
    release = await session.get(Release, live.release_id) if live else (newest[0] if newest else None)
    try:
        return Flags.model_validate(release.playbook["flags"]) if release else None
    except (ValidationError, LookupError):
        return None


async def _events(session: AsyncSession, product: str, *kinds: str) -> list[Event]:
    """The product's own facts of these kinds, newest first."""
    of_flags = (Event.product == product, Event.release_id.is_(None), Event.kind.in_(kinds))
    newest = select(Event).where(*of_flags).order_by(Event.id.desc()).limit(LOOKED_AT)
    return list(await session.scalars(newest))


# ----------------------------------------------------------------- switching


@dataclass(frozen=True)
class Wish:
    """What a person asks for: everybody gets `on` of a flag in one environment. `origin` is the request's own id."""

    product: str
    environment: str
    key: str
    on: bool
    reason: str
    origin: str

    def payload(self, was: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The facts of it, for an event."""
        named = {"environment": self.environment, "key": self.key, "to": self.on, "reason": self.reason}
        return {**named, "origin": self.origin, "was": dict(was), **more}

    @property
    def topic(self) -> str:
        """The message of this very request."""
        return f"flag:{hashlib.sha256(self.origin.encode()).hexdigest()[:32]}"


async def check(service: Service, actor: Actor, wish: Wish) -> Standing:
    """The flag as it stands, for somebody who may switch it. Raises Refused, FlagError."""
    _store(service, wish)
    product, directory = service.product(wish.product), service.ports(wish.product).directory
    await policy.may(actor, "flags", product, directory, wish.environment)
    flag = await _find(service, wish)
    async with service.db.reading() as session:
        rules = await _rules(session, wish.product)
        changes = await _events(session, wish.product, SWITCHED)
    return _standing(flag, rules, _newest(changes, wish.environment).get(flag.key))


async def switch(service: Service, actor: Actor, wish: Wish) -> bool:
    """Have everybody get the wish, read back by an application's client, written down and told; False: it was so.

    Raises Refused, also when it is not known what users get now.
    """
    now = await check(service, actor, wish)
    return await _carry_out(service, actor, wish, now.flag)


async def switch_by_operator(service: Service, wish: Wish) -> bool:
    """The same for whoever has the bot's own machine (a command there): Slack may be away."""
    return await _carry_out(service, operator(wish.origin), wish, await _find(service, wish))


async def _find(service: Service, wish: Wish) -> Flag:
    found = await _store(service, wish).flags()
    if not found:
        raise Refused("no_flags", where=wish.environment)
    flag = next((flag for flag in found if flag.key == wish.key), None)
    if flag is None:
        near = difflib.get_close_matches(wish.key, [flag.key for flag in found], n=3)
        raise Refused("unknown_flag", key=wish.key[:80], where=wish.environment, near=",".join(near))
    return flag


async def _carry_out(service: Service, actor: Actor, wish: Wish, flag: Flag) -> bool:
    """The request is written down before the act, so that one that is repeated after a kill still knows how the flag
    stood; and whether it is done already is asked again after a standstill: somebody may have switched back since."""
    began = suspended_clock()
    was, again = await _begin(service, actor, wish, flag)
    if suspended_clock() - began > inbox.LEASE / 2:
        was, again = await _begin(service, actor, wish, flag)
    if was is None:
        return True
    try:
        switched = await _store(service, wish).switch(wish.key, wish.on, actor.user, wish.reason)
    except FlagError as error:
        said = service.ports(wish.product).redact(str(error))
        loud = isinstance(error, ReadBackError)
        await _failed(service, actor, wish, was, said, loud)
        named = {"key": wish.key, "where": wish.environment, "error": said}
        raise Refused("flag_unconfirmed" if loud else "flag_failed", **named) from error
    if switched.was.on is wish.on and not again:
        return False
    await _done(service, actor, wish, was, switched)
    return True


def _store(service: Service, wish: Wish) -> FlagStore:
    stores = service.ports(wish.product).flags
    if wish.environment not in stores:
        raise Refused("unknown_environment", environment=wish.environment[:40], known=", ".join(stores))
    return stores[wish.environment]


async def _begin(
    service: Service, actor: Actor, wish: Wish, flag: Flag
) -> tuple[dict[str, Any] | None, bool]:
    """How the flag stood before this request, and whether it was begun before. None: it is done already."""
    was = {"on": flag.on, "variant": flag.variant, "doubt": flag.doubt}
    async with service.db.transaction() as session:
        for event in await _events(session, wish.product, REQUESTED, SWITCHED):
            if event.payload["origin"] == wish.origin:
                return (None if event.kind == SWITCHED else event.payload["was"]), True
        await _record(service, session, wish, Fact.by(actor, REQUESTED, wish.payload(was), ()))
    return was, False


async def _done(service: Service, actor: Actor, wish: Wish, was: dict[str, Any], switched: Switched) -> None:
    payload = wish.payload(was, set_aside=dict(switched.set_aside), safe=await _safe(service, wish))
    async with service.db.transaction() as session:
        if not await inbox.once(session, wish.origin, service.clock()):
            return
        await _wake_release(service, session, wish.product)
        await _record(service, session, wish, Fact.by(actor, SWITCHED, payload, (wish.topic,)))
    service.nudge("")


async def _failed(
    service: Service, actor: Actor, wish: Wish, was: dict[str, Any], said: str, loud: bool
) -> None:
    """Write it down; and when nobody knows what users get, say it aloud, to those who may switch it."""
    people = policy.mentions(policy.listed("flags", service.product(wish.product), wish.environment))
    payload = wish.payload(was, error=said, safe=await _safe(service, wish), people=people)
    fact = Fact.by(actor, UNCONFIRMED if loud else FAILED, payload, (wish.topic,) if loud else ())
    async with service.db.transaction() as session:
        await _record(service, session, wish, fact)
    service.nudge("")


async def _record(service: Service, session: AsyncSession, wish: Wish, fact: Fact) -> None:
    channel = service.product(wish.product).channel
    await record_of_product(session, wish.product, channel, fact, service.clock())


async def _safe(service: Service, wish: Wish) -> bool | None:
    async with service.db.reading() as session:
        rules = await _rules(session, wish.product)
    return rules.safe.get(wish.key) if rules else None


async def _wake_release(service: Service, session: AsyncSession, product: str) -> None:
    """A release that waits looks at its checklist again."""
    active = await snapshot.active_release(session, product)
    if active is not None:
        woken = update(Release).where(Release.id == active.id)
        values = {"signals": Release.signals + 1, "wake_at": service.clock()}
        await session.execute(woken.values(values).execution_options(synchronize_session=False))
