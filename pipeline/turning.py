"""Turning a release: the way back, stopping before production, and opening a lock afterwards.

The person only sets where the release must turn; the engine stops what runs and takes the other plan.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import inbox, locks, policy, snapshot
from pipeline.deciding import may, speaking
from pipeline.errors import Refused
from pipeline.events import WAY_BACK, Fact, record
from pipeline.models import Lock, Release
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.slots import is_warm
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from pipeline.store import settled


@dataclass(frozen=True)
class WayBack:
    """What a rollback would do, shown before it is done."""

    release: Release
    to: Release
    digests: dict[str, str]
    warm: bool
    revisions: tuple[dict[str, Any], ...]

    @property
    def undoable(self) -> bool:
        """Whether every migration of the release can be undone, as far as its source tells."""
        return bool(self.revisions) and all(revision["reversible"] for revision in self.revisions)


async def way_back(service: Service, actor: Actor, product: str, release_id: str | None = None) -> WayBack:
    """What rolling back would do now, for the release named or the one in production. Raises Refused."""
    found = await service.snapshot(release_id) if release_id else await service.current(product)
    if found is None:
        raise Refused("nothing_released")
    await may(service, actor, "rollback", found)
    async with service.db.reading() as session:
        await _may_turn_back(session, found.release)
        to = await _where_to(session, found.release)
        back = await snapshot.load(session, to.id)
    warm = await is_warm(service.ports(found.release.product).targets["production"], to.id)
    digests = {image.component: image.digest for image in (back.images if back else ())}
    return WayBack(found.release, to, digests, warm, _migrated(found))


def _migrated(found: Snapshot) -> tuple[dict[str, Any], ...]:
    run = found.runs.get("migrate")
    begun = run is not None and run.status not in (StageStatus.SKIPPED, StageStatus.PENDING)
    return tuple(run.data.get("revisions", ())) if run and begun else ()


async def _may_turn_back(session: AsyncSession, release: Release) -> None:
    if release.status is ReleaseStatus.ROLLING_BACK or (release.turn_to or {}).get("to") == "rollback":
        raise Refused("already_rolling_back", version=release.version)
    stuck = release.status is ReleaseStatus.FAILED and release.production_touched
    ended = (ReleaseStatus.ROLLED_BACK, ReleaseStatus.FAILED, ReleaseStatus.CANCELLED)
    if release.status in ended and not stuck:
        raise Refused("already_ended", version=release.version, status=release.status.value)
    if not release.production_touched:
        raise Refused("not_in_production", version=release.version)
    await (_may_try_again if stuck else _may_leave)(session, release)


async def _may_try_again(session: AsyncSession, release: Release) -> None:
    """A way back that did not finish may be tried again, until another release has touched production."""
    newest = await snapshot.stuck_release(session, release.product)
    if newest is None or newest.id != release.id:
        raise Refused("out_of_date", version="production")


async def _may_leave(session: AsyncSession, release: Release) -> None:
    live = await snapshot.live_deployment(session, release.product)
    if live is not None and live.kind == "rollback" and live.release_id == release.id:
        raise Refused("went_back_to_it", version=release.version)
    if release.status is ReleaseStatus.SUCCEEDED and (live is None or live.cause != release.id):
        raise Refused("not_live", version=release.version, live=live.version if live else "nothing")


async def _where_to(session: AsyncSession, release: Release) -> Release:
    to = await session.get(Release, release.base_release) if release.base_release else None
    if to is None:
        raise Refused("nothing_to_go_back_to", version=release.version)
    return to


async def roll_back(
    service: Service, actor: Actor, release_id: str, reason: str, undo: bool, origin: str
) -> None:
    """Send the release back. Everything is looked at again: the form may be old."""
    if not reason.strip():
        raise Refused("reason_missing")
    if await turned_before(service, release_id, origin):
        return
    await way_back(service, actor, "", release_id)
    turn = {"to": "rollback", "actor": actor.user, "reason": reason, "undo": undo, "origin": origin}

    async def set_turn() -> None:
        async with speaking(service, release_id, service.clock()) as (session, release):
            if not await inbox.once(session, origin, service.clock()):
                return
            await _may_turn_back(session, release)
            await take_lock(service, session, release, actor, f"{release.version} is being rolled back")
            release.turn_to = turn
            fact = Fact.by(actor, "rollback_requested", turn)
            await record(session, release, [fact], service.clock())

    await settled(set_turn)


async def turned_before(service: Service, release_id: str, origin: str) -> bool:
    """Whether this very request was carried out already (and its answer was lost in a crash)."""
    release = (await service.snapshot(release_id)).release
    return any(turn and turn.get("origin") == origin for turn in (release.turn_to, release.turned))


async def take_lock(
    service: Service, session: AsyncSession, release: Release, actor: Actor, reason: str
) -> None:
    """Have the release hold production, in the caller's transaction. Raises Refused when another one does."""
    lock = await session.get(Lock, (release.product, "production"), with_for_update=True)
    if lock is not None and lock.release_id not in (None, release.id):
        raise Refused("already_running", version="another", release=str(lock.release_id))
    if lock is None:
        lock = Lock(product=release.product, environment="production", created_at=service.clock())
        session.add(lock)
    lock.release_id, lock.actor, lock.reason = release.id, actor.user, reason
    lock.said = lock.expires_at = None


async def abort(service: Service, actor: Actor, release_id: str, reason: str, origin: str) -> None:
    """Stop a release before it touches production; afterwards the way out is the way back."""
    if await turned_before(service, release_id, origin):
        return
    found = await service.snapshot(release_id)
    await may(service, actor, "start", found)
    async with speaking(service, release_id, service.clock()) as (session, release):
        if not await inbox.once(session, origin, service.clock()):
            return
        if release.direction == "clean-up" or release.turn_to:
            raise Refused("already_stopping", version=release.version)
        if release.status not in (ReleaseStatus.PENDING, ReleaseStatus.RUNNING, ReleaseStatus.WAITING):
            raise Refused("already_ended", version=release.version, status=release.status.value)
        if release.production_touched:
            raise Refused("in_production", version=release.version)
        turn = {"to": "clean-up", "actor": actor.user, "reason": reason, "origin": origin}
        release.turn_to = turn
        await record(session, release, [Fact.by(actor, "abort_requested", turn)], service.clock())


async def unlock(service: Service, actor: Actor, product: str, origin: str = "") -> str | None:
    """Open the lock that a rollback left; gives its reason. A running release keeps its own, a person's lock is
    opened by pipeline.locking.

    None: this very request has opened one before, and another that was made since stays.
    """
    await policy.may(actor, "approve", service.product(product), service.ports(product).directory)
    async with service.db.transaction() as session:
        if not await inbox.once(session, origin, service.clock()):
            return None
        lock = await session.get(Lock, (product, "production"), with_for_update=True)
        if lock is None:
            raise Refused("not_locked", product=product, where="production")
        if locks.by_hand(lock):
            raise Refused("out_of_date", version="production")
        if lock.release_id is not None:
            holder = await session.get(Release, lock.release_id)
            raise Refused("lock_held", version=holder.version if holder else lock.release_id)
        newest = (await snapshot.last_releases(session, product, 1))[0]
        await session.delete(lock)
        payload = {"environment": "production", "reason": lock.reason}
        told = (WAY_BACK,) if newest.direction == "rollback" else ()
        fact = Fact.by(actor, "environment_unlocked", payload, told)
        await record(session, newest, [fact], service.clock())
    service.nudge(newest.id)
    return lock.reason
