"""The boundary between two stages, decided: what ends, what may begin, whether the release turns or parks.

Pure: nothing is written here. crossing.py writes what was decided, before anything of it is carried out.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline import playbook
from pipeline.context import Failed, Outcome, Passed, Skipped, Waiting
from pipeline.decided import Step
from pipeline.events import ANNOUNCEMENT, BOT, CARD, CUSTOMERS, WAY_BACK, Fact, result
from pipeline.lease import Claim
from pipeline.mails import mail
from pipeline.models import StageRun
from pipeline.states import (
    ENDED_STAGE,
    PlannedStage,
    ReleaseStatus,
    StageStatus,
    all_passed,
    move_release,
    move_stage,
    ready,
)
from pipeline.topics import topics_of

_ENDINGS: Mapping[type, StageStatus] = {
    Passed: StageStatus.SUCCEEDED,
    Skipped: StageStatus.SKIPPED,
    Failed: StageStatus.FAILED,
    Waiting: StageStatus.WAITING,
}


class Boundary:
    """One boundary of one claimed release; `alive` are the stages whose tasks are running right now."""

    def __init__(self, held: Claim, now: datetime, alive: frozenset[str]) -> None:
        self.held, self.now, self.alive = held, now, alive
        self.release = held.release
        self.step = Step()
        self.facts = self.step.facts
        self.again: frozenset[str] = frozenset()

    @property
    def plan(self) -> tuple[PlannedStage, ...]:
        return playbook.stored(self.release.plan)

    @property
    def latest(self) -> dict[str, StageRun]:
        return {run.name: run for run in self.held.runs}

    def cross(self, outcomes: Mapping[str, Outcome]) -> Step:
        """Take in the outcomes, then turn, begin, park or end the release."""
        for name, outcome in outcomes.items():
            self._end(self.latest[name], outcome)
        if turn := self.held.turn or self._turn_of_failure():
            self._turn(turn)
        if not self.step.must_stop:
            self._go_on()
        self.step.turn_to = self.held.turn
        return self.step

    # ------------------------------------------------------------- outcomes

    def _end(self, run: StageRun, outcome: Outcome) -> None:
        said_before = (run.code, run.facts)
        move_stage(run, _ENDINGS[type(outcome)])
        run.code, run.facts = outcome.code, outcome.facts
        run.finished_at = None if isinstance(outcome, Waiting) else self.now
        run.due_at = outcome.due_at if isinstance(outcome, Waiting) else None
        asks = isinstance(outcome, Waiting) and outcome.asks is not None
        run.asked_at = (run.asked_at or self.now) if asks else None
        run.data = run.data | _kept(outcome)
        self.step.changed.append(run)
        if said_before != (run.code, run.facts):
            self.facts.append(_fact_of(run, outcome))

    def _turn_of_failure(self) -> dict[str, Any] | None:
        """Where a failed stage sends the release: back when production was touched, else to the cleaning."""
        failed = next((run for run in self.latest.values() if run.status is StageStatus.FAILED), None)
        if failed is None or self.release.direction not in ("release", "adoption"):
            return None
        to = "rollback" if self.release.production_touched else "clean-up"
        return {"to": to, "ending": "failed", "actor": BOT, "reason": "", "stage": failed.name}

    # ---------------------------------------------------------------- turns

    def _turn(self, turn: dict[str, Any]) -> None:
        """Leave the plan for another one. Tasks still running must be stopped first: they could act."""
        if self.alive:
            self.step.must_stop = True
            return
        for run in self.held.runs:
            if run.status not in ENDED_STAGE:
                move_stage(run, StageStatus.CANCELLED)
                run.finished_at = self.now
                self.step.changed.append(run)
                self.facts.append(Fact("stage_cancelled", payload={"stage": run.name}, topics=topics_of(run)))
        self.held.turn = None
        forward = turn.get("plan") or (self.release.turned or {}).get("plan") or self.release.plan
        self.release.direction = turn["to"]
        self.release.plan = forward if turn["to"] == "release" else playbook.planned(turn["to"])
        self.release.reason = turn["reason"] or None
        self.release.turned = turn | {"plan": forward}
        told = self._forwards(turn) if turn["to"] == "release" else self._backwards(turn["to"])
        self.facts.append(Fact(f"{turn['to']}_started", turn["actor"], turn, (CARD, *told)))

    def _backwards(self, to: str) -> tuple[str, ...]:
        """A way back that failed before goes on where it failed; each attempt is cleaned up after by itself.
        Gives the messages that it changes."""
        cleaned = frozenset(self.latest) & {stage.name for stage in self.plan}
        self.again = cleaned if to == "clean-up" else self._failed_here()
        if to == "rollback":
            move_release(self.release, ReleaseStatus.ROLLING_BACK)
        if to != "rollback":
            return ()
        told = (ANNOUNCEMENT, CUSTOMERS) if self.release.finished_at else (ANNOUNCEMENT,)
        return (*told, WAY_BACK) if self.again else told

    def _forwards(self, turn: dict[str, Any]) -> tuple[str, ...]:
        """What failed, what was stopped and what was undone is tried again; a person may have it skipped."""
        before = result(self._attempt())
        self.release.finished_at = None
        move_release(self.release, ReleaseStatus.RUNNING)
        for name in turn["again"]:
            run = self._added(name)
            if why := turn["skip"].get(name):
                move_stage(run, StageStatus.RUNNING)
                self._end(run, Skipped("skipped_by", {"by": turn["actor"], "reason": why}))
        return (before,)

    def _attempt(self) -> int:
        """How often the release has been tried, as its stages tell."""
        return max(run.generation for run in self.held.runs)

    # ------------------------------------------------------------- going on

    def _go_on(self) -> None:
        statuses = {name: run.status for name, run in self.latest.items() if name not in self.again}
        if self.release.direction in ("rollback", "clean-up") and self._failed_here() - self.again:
            self._finish(ReleaseStatus.FAILED)
        elif all_passed(self.plan, statuses):
            self._finish(self._ending())
        else:
            self._begin(ready(self.plan, statuses))
            self._settle()

    def _failed_here(self) -> frozenset[str]:
        """The stages of the plan in force whose last attempt has failed."""
        names = {stage.name for stage in self.plan}
        failed = (run for run in self.latest.values() if run.status is StageStatus.FAILED)
        return frozenset(run.name for run in failed if run.name in names)

    def _ending(self) -> ReleaseStatus:
        if self.release.direction == "rollback":
            return ReleaseStatus.ROLLED_BACK
        if self.release.direction != "clean-up":
            return ReleaseStatus.SUCCEEDED
        failed = any(run.status is StageStatus.FAILED for run in self.latest.values())
        return ReleaseStatus.FAILED if failed else ReleaseStatus.CANCELLED

    def _begin(self, names: tuple[str, ...]) -> None:
        for run in [run for run in self.held.runs if self._to_be_run(run)]:
            move_stage(run, StageStatus.RUNNING)
            run.epoch, run.seen_signals, run.due_at = self.held.epoch, self.held.signals, None
            self.step.changed.append(run)
            self.step.begin.append(run)
        for name in names:
            self.step.begin.append(self._new_run(name))

    def _to_be_run(self, run: StageRun) -> bool:
        """Orphans of an older epoch, and waiting ones that were answered or whose time has come."""
        if run.name in self.alive or run.status in ENDED_STAGE or run.status is StageStatus.PENDING:
            return False
        if run.status is StageStatus.WAITING:
            answered = run.seen_signals < self.held.signals
            return answered or (run.due_at is not None and run.due_at <= self.now)
        return True

    def _settle(self) -> None:
        """Set the release's status and, with nothing left to run, park it: waiting costs nothing."""
        waiting = [run for run in self.held.runs if run.status is StageStatus.WAITING]
        busy = bool(self.alive or self.step.begin)
        people = any("asks" in run.data or run.due_at is None for run in waiting)
        if self.release.status is not ReleaseStatus.ROLLING_BACK:
            self._show_status(ReleaseStatus.WAITING if people and not busy else ReleaseStatus.RUNNING)
        self.release.stage = self._position()
        dues = [run.due_at for run in waiting if run.due_at]
        self.release.wake_at = self.now if busy else min(dues, default=None)
        self.step.parked = not busy

    def _show_status(self, status: ReleaseStatus) -> None:
        if self.release.status is not status:
            if self.release.status is ReleaseStatus.PENDING and status is ReleaseStatus.WAITING:
                move_release(self.release, ReleaseStatus.RUNNING)
            move_release(self.release, status)

    def _position(self) -> str:
        open_ = [
            run.name for run in self.held.runs if run.status in (StageStatus.RUNNING, StageStatus.WAITING)
        ]
        return open_[0] if open_ else self.release.stage

    def _finish(self, status: ReleaseStatus) -> None:
        if self.release.status in (ReleaseStatus.WAITING, ReleaseStatus.PENDING):
            move_release(self.release, ReleaseStatus.RUNNING)
        back = self.release.status is ReleaseStatus.ROLLING_BACK
        move_release(self.release, status)
        self.release.finished_at, self.release.wake_at = self.now, None
        self.step.parked = True
        if back:
            self._leave_locked(status)
        else:
            self.step.unlocked = True
        ending = WAY_BACK if back else result(self._attempt())
        done = (CUSTOMERS,) if self.release.direction == "release" else ()
        topics: tuple[str, ...] = (CARD, *done) if status is ReleaseStatus.SUCCEEDED else (CARD, ending)
        if status is ReleaseStatus.FAILED:
            topics += (mail(f"stuck:{self._attempt()}" if back else ending),)
        self.facts.append(Fact(f"release_{status.value}", topics=topics))

    def _leave_locked(self, status: ReleaseStatus) -> None:
        """After a rollback nothing is deployed until a person has looked at the cause."""
        version, cause = self.release.version, self.release.reason or self._what_failed()
        done = status is ReleaseStatus.ROLLED_BACK
        ended = f"{version} was rolled back" if done else f"the rollback of {version} did not finish"
        reason = f"{ended}: {cause}"
        self.step.left_locked = reason[:500]

    def _what_failed(self) -> str:
        """What sent the release back by itself."""
        broken = [each["limit"] for run in self.latest.values() if run.status is StageStatus.FAILED
                  for each in run.facts.get("limits", ())]  # fmt: skip
        return f"the limit {broken[-1]} broke" if broken else "a stage failed in production"

    def _new_run(self, name: str) -> StageRun:
        """The stage begins: for the first time, or as the attempt that was waiting for its needs."""
        waiting = self.latest.get(name)
        known = waiting is not None and waiting.status is StageStatus.PENDING
        run = waiting if waiting is not None and known else self._added(name)
        move_stage(run, StageStatus.RUNNING)
        run.epoch, run.seen_signals, run.started_at = self.held.epoch, self.held.signals, self.now
        if run not in self.step.added:
            self.step.changed.append(run)
        fact = {"stage": name, "generation": run.generation}
        self.facts.append(Fact("stage_started", payload=fact))
        return run

    def _added(self, name: str) -> StageRun:
        """A further attempt of a stage, not begun yet."""
        generation = 1 + sum(run.name == name for run in self.held.runs)
        run = StageRun(
            release_id=self.release.id,
            name=name,
            generation=generation,
            status=StageStatus.PENDING,
            epoch=self.held.epoch,
            seen_signals=self.held.signals,
            data={},
            code="",
            facts={},
            started_at=self.now,
        )
        self.held.runs.append(run)
        self.step.added.append(run)
        return run


def _kept(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Passed):
        return outcome.data
    return {"asks": outcome.asks} if isinstance(outcome, Waiting) and outcome.asks else {}


def _fact_of(run: StageRun, outcome: Outcome) -> Fact:
    payload = {"stage": run.name, "generation": run.generation, "code": outcome.code, "facts": outcome.facts}
    return Fact(f"stage_{run.status.value}", payload=payload, topics=topics_of(run))
