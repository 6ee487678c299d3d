"""Every status and every transition. Nothing else writes a status."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ReleaseStatus(StrEnum):
    PENDING = "pending"  # accepted, the lock is taken, nothing has run yet
    RUNNING = "running"  # stages are running or about to
    WAITING = "waiting"  # people (or a time) are needed; nobody owns the release
    SUCCEEDED = "succeeded"  # live, watched, done
    FAILED = "failed"  # ended before production traffic, or the way back did not succeed
    CANCELLED = "cancelled"  # a person stopped it before production traffic
    ROLLING_BACK = "rolling_back"  # production was touched and is going back
    ROLLED_BACK = "rolled_back"  # production serves the previous version again


class StageStatus(StrEnum):
    PENDING = "pending"  # to be tried again, when its needs are met
    RUNNING = "running"  # begun; if its worker is gone, an orphan to look after
    WAITING = "waiting"  # asks people, or waits for its time
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"  # the playbook has nothing for it
    CANCELLED = "cancelled"  # the release turned elsewhere while it ran


class WishStatus(StrEnum):
    WAITING = "waiting"  # for its time, its turn, or what keeps it from starting now
    HALTED = "halted"  # a person must say whether it goes on
    STARTED = "started"  # it has become a release
    CANCELLED = "cancelled"  # a person took it back
    REFUSED = "refused"  # when its turn had come, it could not be done at all


R, S, W = ReleaseStatus, StageStatus, WishStatus

RELEASE_TRANSITIONS: Mapping[ReleaseStatus, frozenset[ReleaseStatus]] = {
    R.PENDING: frozenset({R.RUNNING, R.CANCELLED}),
    R.RUNNING: frozenset({R.WAITING, R.SUCCEEDED, R.FAILED, R.CANCELLED, R.ROLLING_BACK}),
    R.WAITING: frozenset({R.RUNNING, R.CANCELLED, R.ROLLING_BACK}),
    R.SUCCEEDED: frozenset({R.ROLLING_BACK}),
    R.ROLLING_BACK: frozenset({R.ROLLED_BACK, R.FAILED}),
    R.ROLLED_BACK: frozenset(),
    R.FAILED: frozenset(
        {R.ROLLING_BACK, R.RUNNING}
    ),  # the way back, or the stage that failed, is tried again
    R.CANCELLED: frozenset(),
}

STAGE_TRANSITIONS: Mapping[StageStatus, frozenset[StageStatus]] = {
    S.PENDING: frozenset({S.RUNNING, S.CANCELLED}),
    S.RUNNING: frozenset({S.RUNNING, S.WAITING, S.SUCCEEDED, S.FAILED, S.SKIPPED, S.CANCELLED}),
    S.WAITING: frozenset({S.RUNNING, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.SKIPPED: frozenset(),
    S.CANCELLED: frozenset(),
}

WISH_TRANSITIONS: Mapping[WishStatus, frozenset[WishStatus]] = {
    W.WAITING: frozenset({W.HALTED, W.STARTED, W.CANCELLED, W.REFUSED}),
    W.HALTED: frozenset({W.WAITING, W.CANCELLED}),
    W.STARTED: frozenset(),
    W.CANCELLED: frozenset(),
    W.REFUSED: frozenset(),
}

ACTIVE = frozenset({R.PENDING, R.RUNNING, R.WAITING, R.ROLLING_BACK})
"""A release in one of these holds its product: no other may start."""

PENDING_WISH = frozenset({W.WAITING, W.HALTED})
"""A wish in one of these is still to be fulfilled."""

ENDED_STAGE = frozenset({S.SUCCEEDED, S.FAILED, S.SKIPPED, S.CANCELLED})
PASSED_STAGE = frozenset({S.SUCCEEDED, S.SKIPPED})


class IllegalTransitionError(AssertionError):
    """The code tried a transition that the table does not have: a bug, never a user's mistake."""


class HasReleaseStatus(Protocol):
    status: ReleaseStatus
    production_touched: bool


class HasStageStatus(Protocol):
    status: StageStatus


class HasWishStatus(Protocol):
    status: WishStatus


def move_release(release: HasReleaseStatus, to: ReleaseStatus) -> None:
    """Change a release's status. Raises IllegalTransitionError when the table, or production traffic, forbids it."""
    before = release.status
    if to not in RELEASE_TRANSITIONS[before]:
        raise IllegalTransitionError(f"release: {before} -> {to}")
    backwards = to is R.ROLLING_BACK
    untouched = to is R.CANCELLED or {before, to} == {R.RUNNING, R.FAILED}
    if (backwards and not release.production_touched) or (untouched and release.production_touched):
        raise IllegalTransitionError(f"release: {before} -> {to}, touched={release.production_touched}")
    release.status = to


def move_stage(run: HasStageStatus, to: StageStatus) -> None:
    """Change a stage run's status. Raises IllegalTransitionError when the table forbids it."""
    if to not in STAGE_TRANSITIONS[run.status]:
        raise IllegalTransitionError(f"stage: {run.status} -> {to}")
    run.status = to


def move_wish(wish: HasWishStatus, to: WishStatus) -> None:
    """Change a wish's status. Raises IllegalTransitionError when the table forbids it."""
    if to not in WISH_TRANSITIONS[wish.status]:
        raise IllegalTransitionError(f"wish: {wish.status} -> {to}")
    wish.status = to


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a release's stored plan: by name, never by position."""

    name: str
    needs: tuple[str, ...] = ()


def ready(plan: Iterable[PlannedStage], statuses: Mapping[str, StageStatus]) -> tuple[str, ...]:
    """The planned stages that have not begun (in this attempt) and whose needs have all passed."""
    return tuple(
        stage.name
        for stage in plan
        if statuses.get(stage.name, S.PENDING) is S.PENDING
        and all(statuses.get(need) in PASSED_STAGE for need in stage.needs)
    )


def all_passed(plan: Collection[PlannedStage], statuses: Mapping[str, StageStatus]) -> bool:
    """Whether every planned stage has passed (or had nothing to do)."""
    return all(statuses.get(stage.name) in PASSED_STAGE for stage in plan)
