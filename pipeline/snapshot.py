"""What people are shown: everything about a release at one moment, and where a product stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import mails, playbook
from pipeline.changes import Change
from pipeline.mails import MailState
from pipeline.models import (
    Approval,
    ChecklistItem,
    Delivery,
    Deployment,
    Event,
    Image,
    Lock,
    Release,
    StageRun,
)
from pipeline.states import ACTIVE, PASSED_STAGE, ReleaseStatus, StageStatus


@dataclass(frozen=True)
class Step:
    """One planned stage as people see it. `run` is None while its turn has not come."""

    name: str
    phrase: str
    run: StageRun | None

    @property
    def status(self) -> StageStatus:
        return self.run.status if self.run else StageStatus.PENDING


@dataclass(frozen=True)
class Snapshot:
    """A release with all that belongs to it. The rows are detached: reading them touches no database.

    `undelivered`: the topics that were given up, and why; files among them (see pipeline/parcel.py). `mails`: how far
    its e-mails got, by topic; `notes`: what people did with what customers are told. Both are read only for that.
    """

    release: Release
    runs: Mapping[str, StageRun]
    items: tuple[ChecklistItem, ...] = ()
    approvals: tuple[Approval, ...] = ()
    images: tuple[Image, ...] = ()
    lock: Lock | None = None
    promoted_at: datetime | None = None
    undelivered: Mapping[str, str] = field(default_factory=dict)
    mails: Mapping[str, MailState] = field(default_factory=dict)
    notes: tuple[Event, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The stages of the plan in force, in its order."""
        return self._steps(stage.name for stage in playbook.stored(self.release.plan))

    @property
    def release_steps(self) -> tuple[Step, ...]:
        """The forward stages, also after the release turned back."""
        return self._steps(stage.name for stage in playbook.RELEASE)

    def _steps(self, names: Iterable[str]) -> tuple[Step, ...]:
        known = playbook.STAGES
        return tuple(
            Step(name, known[name].phrase if name in known else name, self.runs.get(name)) for name in names
        )

    def needs(self, item: ChecklistItem) -> bool:
        """Whether an item holds the release while it is open, by the release's own playbook."""
        checklist: Mapping[str, Any] = self.release.playbook.get("checklist", {})
        optional = {one["key"] for one in checklist.get(item.phase, ()) if one.get("required") is False}
        return item.key not in optional

    @property
    def done(self) -> int:
        return sum(step.status in PASSED_STAGE for step in self.steps)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes since the version in service, as preflight found them."""
        run = self.runs.get("preflight")
        return tuple(Change(**kept) for kept in run.data.get("changes", ())) if run else ()

    @property
    def overruled(self) -> Approval | None:
        """The approver's decision by which the release goes on although its evaluation gave no pass."""
        return next((made for made in reversed(self.approvals) if made.decision == "overrule"), None)

    def run_by_id(self, run_id: int) -> StageRun | None:
        return next((run for run in self.runs.values() if run.id == run_id), None)


async def load(session: AsyncSession, release_id: str, *, with_told: bool = False) -> Snapshot | None:
    """Read a release and what belongs to it; None when there is none of this id."""
    release = await session.get(Release, release_id)
    if release is None:
        return None

    async def rows(model: Any) -> list[Any]:
        return list(
            await session.scalars(select(model).where(model.release_id == release_id).order_by(model.id))
        )

    lock = await _lock(session, release.product)
    promoted = await session.scalar(
        select(Deployment.at).where(
            Deployment.cause == release_id,
            Deployment.kind == "release",
            Deployment.environment == "production",
        )
    )
    return Snapshot(
        release,
        {run.name: run for run in await rows(StageRun)},
        tuple(await rows(ChecklistItem)),
        tuple(await rows(Approval)),
        tuple(await rows(Image)),
        lock,
        promoted,
        await _undelivered(session, release_id),
        await mails.load(session, release_id) if with_told else {},
        await _notes(session, release_id) if with_told else (),
    )


async def _undelivered(session: AsyncSession, release_id: str) -> dict[str, str]:
    """The files of messages that were given up, and why, by their topics (see pipeline/parcel.py)."""
    given_up = (Delivery.release_id == release_id, Delivery.given_up.is_not(None))
    found = await session.execute(select(Delivery.topic, Delivery.given_up).where(*given_up))
    return {topic: str(why) for topic, why in found}


async def _notes(session: AsyncSession, release_id: str) -> tuple[Event, ...]:
    of_notes = (
        Event.release_id == release_id,
        Event.kind.in_(("customer_note_edited", "customer_note_sent")),
    )
    return tuple(await session.scalars(select(Event).where(*of_notes).order_by(Event.id)))


async def _lock(session: AsyncSession, product: str) -> Lock | None:
    """What a release holds or a rollback left; a person's own lock is no matter of a release."""
    lock = await session.get(Lock, (product, "production"))
    return lock if lock is None or lock.said is None or lock.release_id else None


async def live_deployment(
    session: AsyncSession, product: str, environment: str = "production"
) -> Deployment | None:
    """What took an environment's traffic last: the version in service."""
    found: Deployment | None = await session.scalar(
        select(Deployment)
        .where(Deployment.product == product, Deployment.environment == environment)
        .order_by(Deployment.id.desc())
        .limit(1)
    )
    return found


async def active_release(session: AsyncSession, product: str) -> Release | None:
    """The release that holds the product now, if any: an active one has its lock, whatever the history is."""
    found: Release | None = await session.scalar(
        select(Release)
        .join(Lock, Lock.release_id == Release.id)
        .where(Lock.product == product, Lock.environment == "production", Release.status.in_(ACTIVE))
    )
    return found


async def last_releases(session: AsyncSession, product: str, most: int = 10) -> list[Release]:
    """The newest releases of a product, newest first; of one moment, in the order of their ids (ULIDs)."""
    return list(await session.scalars(_newest_first(product).limit(most)))


async def newest_of(session: AsyncSession, product: str, version: str) -> Release | None:
    """The newest release of a version, however it went."""
    found: Release | None = await session.scalar(
        _newest_first(product).where(Release.version == version).limit(1)
    )
    return found


async def stuck_release(session: AsyncSession, product: str) -> Release | None:
    """The release whose way back did not finish, if production was not touched by another since."""
    touched = _newest_first(product).where(Release.production_touched)
    last: Release | None = await session.scalar(touched.limit(1))
    return last if last is not None and last.status is ReleaseStatus.FAILED else None


def _newest_first(product: str) -> Select[Release]:
    newest = (Release.created_at.desc(), Release.id.desc())
    return select(Release).where(Release.product == product).order_by(*newest)


async def story(session: AsyncSession, release_id: str) -> list[Event]:
    """Every event of a release in order."""
    return list(await session.scalars(select(Event).where(Event.release_id == release_id).order_by(Event.id)))
