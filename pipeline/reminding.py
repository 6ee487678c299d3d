"""Telling people again that they are needed, and only those; telling them alone where the channel cannot be told.

Called by the clock. When somebody was told stands with the stage run, so that of several bots one tells them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import policy, snapshot
from pipeline.config import BotFile, Product
from pipeline.context import Ports
from pipeline.errors import PipelineError
from pipeline.events import EVIDENCE, Fact, direct, record, reminder
from pipeline.models import Delivery, Follower, Release, StageRun
from pipeline.ports import Clock
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE, StageStatus
from pipeline.store import Database
from pipeline.windows import Windows

log = structlog.get_logger()

MOST = 20
"""People named in one reminder."""
OLD = 300.0
"""Seconds that a group's membership may be old: it decides who is told, never what they may do."""


@dataclass
class Reminding:
    """Looks for requests that wait for too long."""

    db: Database
    config: BotFile
    ports: Callable[[str], Ports]
    clock: Clock
    nudge: Callable[[], None] = lambda: None

    async def look(self) -> None:
        """Tell again who has to be told again now."""
        asked = (Release.status.in_(ACTIVE), StageRun.asked_at.is_not(None))
        async with self.db.reading() as session:
            waiting = (
                select(StageRun.id, StageRun.release_id)
                .join(Release, Release.id == StageRun.release_id)
                .where(*asked)
            )
            found = list(await session.execute(waiting))
        for run_id, release_id in found:
            try:
                await self._of_run(run_id, release_id)
            except PipelineError as error:
                log.warning("reminders: could not look up whom to tell", release=release_id, error=str(error))

    async def _of_run(self, run_id: int, release_id: str) -> None:
        async with self.db.reading() as session:
            shown = await snapshot.load(session, release_id)
            lost = await _undeliverable(session, release_id)
        run = shown.run_by_id(run_id) if shown else None
        if shown is None or run is None or run.asked_at is None or run.status is not StageStatus.WAITING:
            return
        product = self.config.products.get(shown.release.product)
        if product is None:
            return
        if lost:
            await self._tell_alone(shown, run, product)
        if self._is_due(run, product, urgent=shown.release.production_touched):
            await self._remind(shown, run, product)

    def _is_due(self, run: StageRun, product: Product, *, urgent: bool) -> bool:
        rules, now = product.reminders, self.clock()
        asked, told = run.asked_at or now, _told_at(run)
        due = told + rules.every if told and told >= asked else asked + rules.after
        quiet = Windows(tuple(window.window(product.timezone) for window in rules.quiet))
        return due <= now and (urgent or not quiet.covers(now))

    async def _remind(self, shown: Snapshot, run: StageRun, product: Product) -> None:
        now, rules = self.clock(), product.reminders
        late = bool(rules.escalate_to) and now - (run.asked_at or now) >= rules.escalate_after
        people = await self._people(shown, run, product)
        above = sorted(await self._members(product, shown, rules.escalate_to) - set(people)) if late else []
        async with self.db.transaction() as session:
            row = await session.get(StageRun, run.id, with_for_update=True)
            if row is None or row.status is not StageStatus.WAITING or row.reminder != run.reminder:
                return  # answered, or told by another bot
            row.reminder = {"at": now.timestamp(), "people": people[:MOST], "above": above[:MOST]}
            if people or above:
                told = {"stage": run.name, **row.reminder}
                fact = Fact("people_reminded", payload=told, topics=(reminder(run.id, now.timestamp()),))
                await record(session, await session.get_one(Release, shown.release.id), [fact], now)
        self.nudge()

    async def _tell_alone(self, shown: Snapshot, run: StageRun, product: Product) -> None:
        """The channel is archived, or the bot is not in it: who is needed gets the request by themselves."""
        people = await self._people(shown, run, product)
        async with self.db.transaction() as session:
            await direct(session, shown.release.id, f"request:{run.id}", people[:MOST], self.clock())
        self.nudge()

    async def _people(self, shown: Snapshot, run: StageRun, product: Product) -> list[str]:
        """Whom a request waits for: not who has answered, not who may not, not who wants to hear no more."""
        async with self.db.reading() as session:
            muted = set(
                await session.scalars(
                    select(Follower.user).where(
                        Follower.release_id == shown.release.id, Follower.mode == "mute"
                    )
                )
            )
        return sorted(set(await self._concerned(shown, run, product)) - muted)

    async def _concerned(self, shown: Snapshot, run: StageRun, product: Product) -> Iterable[str]:
        asker = shown.release.requested_by
        if run.name in ("checklist", "after"):
            open_ = [item for item in shown.items if not item.done and shown.needs(item)]
            return {item.assignee or asker for item in open_}
        approvers = await self._members(product, shown, policy.listed("approve", product))
        if run.name == "approval":
            given = {a.user for a in shown.approvals if a.stage_run_id == run.id and a.decision == "approve"}
            return approvers - given - {asker}
        return approvers | {asker}

    async def _members(self, product: Product, shown: Snapshot, entries: Iterable[str]) -> frozenset[str]:
        return await policy.members(entries, self.ports(shown.release.product).directory, OLD)


def _told_at(run: StageRun) -> datetime | None:
    return datetime.fromtimestamp(run.reminder["at"], UTC) if run.reminder else None


async def _undeliverable(session: AsyncSession, release_id: str) -> bool:
    """Whether the release's own message cannot be shown in its channel."""
    lost = select(Delivery.id).where(
        Delivery.release_id == release_id,
        Delivery.given_up.is_not(None),
        Delivery.ts.is_(None),
        Delivery.topic.not_like("note:%"),
        Delivery.topic != EVIDENCE,
        Delivery.topic.not_like("dm:%"),
    )
    return await session.scalar(lost.limit(1)) is not None
