"""Trying again what failed before production, skipping what a playbook lets people skip, pausing a canary.

The person only says so; the engine begins the further attempt (progress.py).
"""

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import candidate, inbox, locks, openness, playbook, policy, snapshot
from pipeline.config import Playbook
from pipeline.deciding import may, record_decision, speaking
from pipeline.errors import Refused
from pipeline.events import CARD, Fact, record
from pipeline.models import Release, StageRun
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.snapshot import Snapshot
from pipeline.states import PASSED_STAGE, ReleaseStatus, StageStatus
from pipeline.store import settled
from pipeline.turning import take_lock, turned_before
from pipeline.version import parse_version, suggestions

UNDONE = ("backup", "migrate")
"""What cleaning up takes back: it is done again, too."""


async def pause(service: Service, actor: Actor, release_id: str, reason: str, origin: str) -> None:
    """Hold the canary at its share until somebody resumes it: whoever belongs to the team may. Raises Refused."""
    found, run = await _canary(service, release_id)
    await may(service, actor, "tick", found)
    if run.code == "canary_paused":
        raise Refused("already_paused", version=found.release.version)
    await record_decision(service, actor, found, run.id, "pause", reason, origin, (CARD,))


async def resume(service: Service, actor: Actor, release_id: str, origin: str) -> None:
    """Let a paused canary go on for the time that was left. Raises Refused."""
    found, run = await _canary(service, release_id)
    await may(service, actor, "start", found)
    if run.code != "canary_paused":
        raise Refused("not_paused", version=found.release.version)
    await record_decision(service, actor, found, run.id, "resume", "", origin, (CARD,))


async def _canary(service: Service, release_id: str) -> tuple[Snapshot, StageRun]:
    found = await service.snapshot(release_id)
    run = found.runs.get("canary")
    if run is None or run.status not in (StageStatus.WAITING, StageStatus.RUNNING) or "step" not in run.data:
        raise Refused("no_canary", version=found.release.version)
    return found, run


async def retry(service: Service, actor: Actor, release_id: str, origin: str) -> None:
    """Try the stage that failed again, as a new attempt; what had passed is kept. Raises Refused."""
    if not await turned_before(service, release_id, origin):
        found = await service.snapshot(release_id)
        await may(service, actor, "start", found)
        await _again(service, actor, found, {}, origin)


async def skip(service: Service, actor: Actor, release_id: str, stage: str, reason: str, origin: str) -> None:
    """Go on without a stage that waits or has failed, where the playbook allows it. Raises Refused."""
    if await turned_before(service, release_id, origin):
        return
    found = await service.snapshot(release_id)
    await may(service, actor, "override", found)
    _may_be_skipped(found, stage)
    if not reason.strip():
        raise Refused("reason_missing")
    run = found.runs.get(stage)
    if run is not None and run.status is StageStatus.WAITING:
        await record_decision(service, actor, found, run.id, "skip", reason, origin)
    elif run is not None and run.status is StageStatus.FAILED:
        await _again(service, actor, found, {stage: reason}, origin)
    else:
        raise Refused("not_to_be_skipped_now", stage=stage, version=found.release.version)


def _may_be_skipped(found: Snapshot, stage: str) -> None:
    allowed = Playbook.model_validate(found.release.playbook).skippable
    if stage not in allowed:
        near = suggestions(stage, allowed)
        raise Refused("not_skippable", stage=stage, allowed=",".join(allowed), near=",".join(near))


async def _again(
    service: Service, actor: Actor, found: Snapshot, skipping: dict[str, str], origin: str
) -> None:
    release = found.release
    _may_be_tried_again(release)
    product = service.product(release.product)
    ports = service.ports(release.product)
    # The world has moved on: the commit must still be on main, the version still be free.
    here = await candidate.find(
        ports.repository, product, release.product, parse_version(release.version), release.commit
    )
    turn = {
        "to": "release",
        "actor": actor.user,
        "reason": "",
        "origin": origin,
        "again": _unpassed(found),
        "skip": skipping,
    }

    async def set_turn() -> None:
        async with speaking(service, release.id, service.clock()) as (session, row):
            if not await inbox.once(session, origin, service.clock()):
                return
            await _still_the_newest(session, row)
            _may_be_tried_again(row)
            live = await snapshot.live_deployment(session, row.product)
            served = parse_version(live.version) if live else None
            policy.newer(parse_version(row.version), served, here.last_tagged)
            now = service.clock()
            await openness.insist(session, row.product, product, row.version, now)
            await openness.thawed(session, row.product, product, row.version, now, hotfix=row.hotfix)
            await take_lock(service, session, row, actor, locks.held(row.version))
            row.turn_to = turn
            await record(session, row, [Fact.by(actor, "retry_requested", turn)], service.clock())

    await settled(set_turn)


def _may_be_tried_again(release: Release) -> None:
    if release.status is not ReleaseStatus.FAILED or release.production_touched:
        raise Refused("nothing_to_retry", version=release.version, status=release.status.value)
    if not (release.turned or {}).get("plan") or release.tidied_at:
        raise Refused("too_old_to_retry", version=release.version)
    if release.turn_to:
        raise Refused("already_retried", version=release.version)


async def _still_the_newest(session: AsyncSession, release: Release) -> None:
    newest = (await snapshot.last_releases(session, release.product, 1))[0]
    if newest.id != release.id:
        raise Refused("newer_has_begun", version=release.version, newer=newest.version)


def _unpassed(found: Snapshot) -> list[str]:
    """The planned stages that have begun and are to be begun anew: failed, stopped, or undone by the cleaning."""
    plan = [stage.name for stage in playbook.stored((found.release.turned or {}).get("plan", []))]
    begun = [found.runs[name] for name in plan if name in found.runs]
    return [run.name for run in begun if run.status not in PASSED_STAGE or run.name in UNDONE]
