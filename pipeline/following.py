"""Following a release, or hearing no more of it."""

from sqlalchemy import delete

from pipeline.deciding import may
from pipeline.models import Follower
from pipeline.policy import Actor
from pipeline.service import Service


async def follow(service: Service, actor: Actor, release_id: str) -> None:
    """Tell this person alone what becomes of the release. Only the team: it says what is not public yet."""
    await may(service, actor, "tick", await service.snapshot(release_id))
    await _set(service, actor, release_id, "follow")


async def mute(service: Service, actor: Actor, release_id: str) -> None:
    """Name this person in no more reminders of the release."""
    await may(service, actor, "tick", await service.snapshot(release_id))
    await _set(service, actor, release_id, "mute")


async def usual(service: Service, actor: Actor, release_id: str) -> None:
    """Neither: as if nothing had been said. Raises Refused when there is no such release."""
    await service.snapshot(release_id)
    async with service.db.transaction() as session:
        mine = (Follower.release_id == release_id, Follower.user == actor.user)
        await session.execute(delete(Follower).where(*mine))


async def _set(service: Service, actor: Actor, release_id: str, mode: str) -> None:
    async with service.db.transaction() as session:
        await session.merge(Follower(release_id=release_id, user=actor.user, mode=mode, at=service.clock()))
