"""What people decide on a release that waits: approvals, checklist items, and what the watch found.

A decision locks the release's row first, then is written, then wakes the release, all in one
transaction: otherwise a click could slip past a worker that is just parking.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import policy, ports, votes
from pipeline.binding import authors, bound
from pipeline.errors import Refused
from pipeline.events import CARD, Fact, record, request
from pipeline.models import Approval, Release, StageRun
from pipeline.policy import Actor
from pipeline.ports import Person
from pipeline.service import Service
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

UNDECIDED = (StageStatus.WAITING, StageStatus.RUNNING)


@contextlib.asynccontextmanager
async def speaking(
    service: Service, release_id: str, now: datetime
) -> AsyncIterator[tuple[AsyncSession, Release]]:
    """A transaction in which a person says something to a release: its row is locked, and it is woken."""
    async with service.db.transaction() as session:
        woken = (
            update(Release)
            .where(Release.id == release_id)
            .values(signals=Release.signals + 1, wake_at=now)
            .execution_options(synchronize_session=False)
        )
        await session.execute(woken)
        release = await session.get(Release, release_id)
        if release is None:
            raise Refused("unknown_release", release=release_id[:40])
        yield session, release
    service.nudge(release_id)


async def check_approver(
    service: Service, actor: Actor, release_id: str, run_id: int | None = None
) -> tuple[Snapshot, Person]:
    """Whether this person may decide on this release now; gives what they would decide on, and who they are."""
    found = await service.snapshot(release_id)
    run = found.runs.get("approval")
    if run is None or run.status not in UNDECIDED:
        raise _nothing_to_approve(found)
    if run_id is not None and run.id != run_id:
        raise Refused("out_of_date", version=found.release.version)
    person = await may(service, actor, "approve", found)
    return found, person


def _nothing_to_approve(found: Snapshot) -> Refused:
    if decided := [a for a in found.approvals if a.decision in ("approve", "reject")]:
        return Refused("already_decided", by=decided[-1].user, decision=decided[-1].decision)
    return Refused("nothing_to_approve", version=found.release.version, status=found.release.status.value)


async def may(service: Service, actor: Actor, action: policy.Action, found: Snapshot) -> Person:
    """Raise Refused unless the person may do this with the release's product."""
    product = found.release.product
    return await policy.may(actor, action, service.product(product), service.ports(product).directory)


async def decide(
    service: Service, actor: Actor, release_id: str, run_id: int, decision: str, note: str, origin: str
) -> None:
    """Approve or reject (`decision`). Who comes after the last approval that was needed is told who was first.

    An approval that turned out void (see stages/approval.py) does not count.
    """
    if await said_before(service, origin):
        return
    found, person = await check_approver(service, actor, release_id, run_id)
    if decision == "approve":
        may_approve(service, actor, person, found)
    needed = service.product(found.release.product).approval.needed
    binding = bound(found.release, [image(one) for one in found.images], found.runs)

    def fact(run: StageRun, earlier: list[Approval]) -> Fact:
        got = votes.standing(earlier, binding, run.facts.get("voided", ()))
        still_open(actor, decision, got, votes.rejection(earlier), needed)
        kind = "release_approved" if decision == "approve" else "release_rejected"
        told = {"note": note, "bound": binding, "needed": needed}
        return Fact.by(actor, kind, told, (CARD, request("approval", run_id)))

    await write_down(service, found, run_id, Word(actor, decision, note, origin, binding), fact)


def may_approve(service: Service, actor: Actor, person: Person, found: Snapshot) -> None:
    """Four eyes: not who asked, and by policy nobody who wrote a commit of it. Raises Refused."""
    policy.not_own_release(actor, found.release.requested_by)
    if not service.product(found.release.product).approval.authors:
        policy.not_an_author(person, authors(found.runs))


def may_still_approve(service: Service, actor: Actor, person: Person, found: Snapshot) -> None:
    """The same before anything is read or filled in: also refused to who has approved it already."""
    may_approve(service, actor, person, found)
    run = found.runs["approval"]
    binding = bound(found.release, [image(one) for one in found.images], found.runs)
    earlier = [each for each in found.approvals if each.stage_run_id == run.id]
    got = votes.standing(earlier, binding, run.facts.get("voided", ()))
    needed = service.product(found.release.product).approval.needed
    still_open(actor, "approve", got, votes.rejection(earlier), needed)


def still_open(
    actor: Actor, decision: str, got: list[Approval], rejected: Approval | None, needed: int
) -> None:
    """Raise Refused when the release is decided already, or this person has approved it before."""
    if rejected is not None:
        raise Refused("already_decided", by=rejected.user, decision="reject")
    if len(got) >= needed:
        raise Refused("already_decided", by=got[-1].user, decision="approve")
    if decision == "approve" and any(each.user == actor.user for each in got):
        raise Refused("approved_by_you", needed=str(needed), got=str(len(got)))


async def settle(
    service: Service, actor: Actor, release_id: str, run_id: int, choice: str, origin: str
) -> None:
    """Answer what a stage in production asked: `keep` the release whatever the watch found, or try `again`."""
    if await said_before(service, origin):
        return
    found = await service.snapshot(release_id)
    run = found.run_by_id(run_id)
    if run is None or run.status not in UNDECIDED:
        raise Refused("out_of_date", version=found.release.version)
    if choice == "keep" and "seen" in run.facts:  # overruling.py: that one wants a reason
        raise Refused("reason_missing")
    await may(service, actor, "approve" if choice == "keep" else "start", found)
    await record_decision(service, actor, found, run_id, choice, "", origin)


async def record_decision(
    service: Service,
    actor: Actor,
    found: Snapshot,
    run_id: int,
    choice: str,
    note: str,
    origin: str,
    topics: tuple[str, ...] = (),
) -> None:
    """Write down what a person decided on a stage that waits, once for this request. Raises Refused.

    `topics` are the messages that it changes: the card and the question, unless others are named.
    """

    def fact(run: StageRun, _: list[Approval]) -> Fact:
        told = {"stage": run.name} | ({"reason": note} if note else {})
        return Fact.by(actor, f"decided_{choice}", told, topics or (CARD, request("decision", run_id)))

    await write_down(service, found, run_id, Word(actor, choice, note, origin, {}), fact)


@dataclass(frozen=True)
class Word:
    """What a person says to a release in one request (`origin`). `bound` is what an approval holds for."""

    actor: Actor
    decision: str
    note: str
    origin: str
    bound: dict[str, Any]


async def write_down(
    service: Service,
    found: Snapshot,
    run_id: int,
    word: Word,
    fact: Callable[[StageRun, list[Approval]], Fact],
) -> None:
    """Record a decision on a stage that still waits, once for its request. Raises Refused.

    `fact` gives what is told of it. It sees the stage and the earlier decisions under the lock, and may raise Refused.
    """
    async with speaking(service, found.release.id, service.clock()) as (session, release):
        run = await still_waiting(session, run_id, release)
        earlier = await _decisions(session, run_id)
        if any(each.origin == word.origin for each in earlier):
            return
        told = fact(run, earlier)
        session.add(_row(word, release, run_id, service.clock()))
        await record(session, release, [told], service.clock())


async def said_before(service: Service, origin: str) -> bool:
    """Whether this very click is recorded already (and its answer was lost in a crash)."""
    async with service.db.reading() as session:
        return await session.scalar(select(Approval.id).where(Approval.origin == origin)) is not None


async def still_waiting(session: AsyncSession, run_id: int, release: Release) -> StageRun:
    """Look again with the row locked: the release may have moved on since the person looked."""
    run = await session.get(StageRun, run_id)
    if run is None or run.status not in UNDECIDED:
        raise Refused("out_of_date", version=release.version)
    return run


async def _decisions(session: AsyncSession, run_id: int) -> list[Approval]:
    return list(
        await session.scalars(select(Approval).where(Approval.stage_run_id == run_id).order_by(Approval.id))
    )


def _row(word: Word, release: Release, run_id: int, now: datetime) -> Approval:
    return Approval(
        release_id=release.id,
        stage_run_id=run_id,
        decision=word.decision,
        user=word.actor.user,
        team=word.actor.team,
        note=word.note,
        bound=word.bound,
        at=now,
        origin=word.origin,
    )


def image(row: Any) -> ports.Image:
    """A row of the database as what an approval is bound to."""
    return ports.Image(row.component, row.version, row.digest, row.reference)
