"""Writes boundaries: what was decided is committed before anything of it is carried out.

The intent (a running stage run) is in the same transaction as the events and messages. Releases that arrive at
a boundary together cross it together: one transaction costs about as much for fifty of them as for one.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import audit, lease
from pipeline.context import Outcome
from pipeline.decided import Step
from pipeline.errors import LeaseLost, StoreError
from pipeline.events import Told, record_all
from pipeline.lease import Claim
from pipeline.models import Lock, Release, StageRun
from pipeline.progress import Boundary
from pipeline.store import Database

log = structlog.get_logger()

TOGETHER = 50
"""Boundaries written in one transaction: people's clicks wait for it to end."""


@dataclass(eq=False)
class _Crossing:
    """A boundary on its way into the database."""

    held: Claim
    now: datetime
    alive: frozenset[str]
    outcomes: Mapping[str, Outcome]
    through: asyncio.Future[Step]
    step: Step | None = None
    heard: Any = None

    def decide(self) -> Step:
        """What is to be written, now that the release's row is locked. Decided once: it moves the release on."""
        heard = (self.held.signals, self.held.turn)
        if self.step is None:
            self.heard = heard
            self.step = Boundary(self.held, self.now, self.alive).cross(self.outcomes)
        elif heard != self.heard:
            raise LeaseLost(f"{self.held.release.id}: people spoke while it was written; it is claimed again")
        self.held.turn = self.step.turn_to
        return self.step

    def fail(self, error: Exception) -> None:
        if not self.through.done():
            self.through.set_exception(error)

    def done(self, step: Step) -> None:
        if not self.through.done():
            self.through.set_result(step)


_Decision = tuple[_Crossing, Step]


class Crossings:
    """Takes the boundaries of all of a process's releases."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._arrived: list[_Crossing] = []
        self._writing: asyncio.Task[None] | None = None
        self._slow: set[asyncio.Task[None]] = set()

    async def cross(
        self, held: Claim, now: datetime, alive: frozenset[str], outcomes: Mapping[str, Outcome]
    ) -> Step:
        """Cross a boundary of a claimed release. Raises LeaseLost, and StoreError when nobody knows whether it was."""
        crossing = _Crossing(held, now, alive, outcomes, asyncio.get_running_loop().create_future())
        self._arrived.append(crossing)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        with self.db.undisturbed():
            return await crossing.through

    async def _write(self) -> None:
        while self._arrived:
            taken: list[_Crossing] = []
            try:
                left = await self._together(taken)
            except StoreError as error:
                for crossing in taken or self._take():
                    crossing.fail(error)
                continue
            except Exception as error:
                left = taken or self._take()
                if len(left) == 1:
                    left[0].fail(error)
                else:
                    log.exception("engine: releases could not be written together; now one by one")
            for one in left:
                if not one.through.done():
                    self._begin_alone(one)

    def _take(self) -> list[_Crossing]:
        taken, self._arrived = self._arrived[:TOGETHER], self._arrived[TOGETHER:]
        return taken

    async def _together(self, taken: list[_Crossing]) -> list[_Crossing]:
        """Write what has arrived by the time that the database is ours; those whose rows were not to be had."""
        since = lease.suspended_clock()
        async with self.db.transaction() as session:
            await session.connection()  # here a writer waits for its turn, and others come along
            taken += self._take()
            claims = [crossing.held for crossing in taken]
            fenced = set(await lease.extend(self.db, session, claims, skip_locked=True))
            decided = list(_decided(crossing for crossing in taken if crossing.held in fenced))
            writable = await _writable(session, decided)
            await _book(session, writable)
        for crossing, step in writable:
            crossing.held.trusted(since)
            crossing.done(step)
        return [crossing for crossing in taken if not crossing.through.done()]

    def _begin_alone(self, crossing: _Crossing) -> None:
        """Nobody else waits for it: the row may be held for long."""
        task = asyncio.create_task(self._alone(crossing))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _alone(self, crossing: _Crossing) -> None:
        """For one whose row somebody else holds, who is lost, or who cannot be written with others."""
        try:
            async with lease.fenced(self.db, crossing.held) as session:
                step = crossing.decide()
                await _book(session, [(crossing, step)])
            crossing.done(step)
        except Exception as error:
            crossing.fail(error)


def _decided(crossings: Iterable[_Crossing]) -> Iterator[_Decision]:
    """Decide each; what breaks one release must not hold up the others."""
    for crossing in crossings:
        try:
            yield crossing, crossing.decide()
        except Exception as error:
            crossing.fail(error)


async def _writable(session: AsyncSession, decided: Sequence[_Decision]) -> list[_Decision]:
    """Those whose entries in the audit log can be written now: nobody is waited for who holds a product's chain."""
    telling = {_product(one) for one in decided if any(audit.is_audited(fact.kind) for fact in one[1].facts)}
    free = await audit.hold(session, telling, skip_locked=True)
    return [one for one in decided if _product(one) in free or _product(one) not in telling]


def _product(decision: _Decision) -> str:
    return decision[0].held.release.product


# -------------------------------------------------------------------- writing

_RUN = (
    "status", "epoch", "seen_signals", "data", "code", "facts", "started_at", "finished_at", "due_at", "asked_at",
)  # fmt: skip
_NEW_RUN = (*_RUN, "release_id", "name", "generation")
_RELEASE = ("status", "direction", "stage", "plan", "reason", "turned", "finished_at", "wake_at")


async def _book(session: AsyncSession, decided: Sequence[_Decision]) -> None:
    """Write what the boundaries decided: their stage runs, locks, events and messages, and the releases."""
    await _add_runs(session, [run for _, step in decided for run in step.added])
    changed = {run.id: run for _, step in decided for run in step.changed}
    await _save(session, StageRun, [_values(run, ("id", *_RUN)) for run in changed.values()])
    await _see_to_locks(session, decided)
    for parked in (False, True):
        ours = [one for one in decided if one[1].parked is parked]
        await _save(session, Release, [_release(crossing.held, step) for crossing, step in ours])
    await record_all(session, [Told(one.held.release, step.facts, one.now) for one, step in decided])


async def _add_runs(session: AsyncSession, runs: Sequence[StageRun]) -> None:
    if not runs:
        return
    new = insert(StageRun).returning(StageRun.id, StageRun.release_id, StageRun.name)
    added = await session.execute(new, [_values(run, _NEW_RUN) for run in runs])
    ids = {(row.release_id, row.name): row.id for row in added}
    for run in runs:
        run.id = ids[run.release_id, run.name]


async def _save(session: AsyncSession, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Update rows by their primary keys."""
    if rows:
        await session.execute(update(model), rows)


async def _see_to_locks(session: AsyncSession, decided: Iterable[_Decision]) -> None:
    """Let go of the locks of releases that ended; what a person locked meanwhile stays. After a way back nobody
    deploys before a person has looked."""
    for crossing, step in decided:
        held_by = Lock.release_id == crossing.held.release.id
        if step.unlocked:
            await session.execute(delete(Lock).where(held_by, Lock.said.is_(None)))
            await session.execute(update(Lock).where(held_by).values(release_id=None))
        elif step.left_locked:
            left = {"release_id": None, "reason": step.left_locked, "said": None, "expires_at": None}
            await session.execute(update(Lock).where(held_by).values(left))


def _values(row: Any, columns: Iterable[str]) -> dict[str, Any]:
    return {column: getattr(row, column) for column in columns}


def _release(held: Claim, step: Step) -> dict[str, Any]:
    """Parked: nothing is left to run, nobody holds it, and waiting costs nothing."""
    free = {"owner": None, "lease_until": 0.0} if step.parked else {}
    return _values(held.release, ("id", *_RELEASE)) | {"turn_to": step.turn_to} | free
