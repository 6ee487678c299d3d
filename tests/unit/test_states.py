"""The table of states: what it has, and that nothing gets around it."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.states import (
    RELEASE_TRANSITIONS,
    IllegalTransitionError,
    PlannedStage,
    ReleaseStatus,
    StageStatus,
    all_passed,
    move_release,
    move_stage,
    ready,
)


@dataclass
class Thing:
    status: ReleaseStatus
    production_touched: bool = False


@dataclass
class Run:
    status: StageStatus


@given(st.lists(st.sampled_from(ReleaseStatus), max_size=12), st.booleans())
def test_no_sequence_of_moves_leaves_the_table(wanted: list[ReleaseStatus], touched: bool) -> None:
    thing = Thing(ReleaseStatus.PENDING, touched)
    for status in wanted:
        before = thing.status
        try:
            move_release(thing, status)
        except IllegalTransitionError:
            assert thing.status is before
        else:
            assert status in RELEASE_TRANSITIONS[before]


def test_a_release_that_touched_production_does_not_just_fail() -> None:
    with pytest.raises(IllegalTransitionError):
        move_release(Thing(ReleaseStatus.RUNNING, production_touched=True), ReleaseStatus.FAILED)
    with pytest.raises(IllegalTransitionError):
        move_release(Thing(ReleaseStatus.WAITING, production_touched=True), ReleaseStatus.CANCELLED)


def test_a_release_that_did_not_touch_production_does_not_roll_back() -> None:
    with pytest.raises(IllegalTransitionError):
        move_release(Thing(ReleaseStatus.RUNNING), ReleaseStatus.ROLLING_BACK)


def test_an_ended_stage_stays_ended() -> None:
    for ended in (StageStatus.SUCCEEDED, StageStatus.FAILED, StageStatus.SKIPPED, StageStatus.CANCELLED):
        with pytest.raises(IllegalTransitionError):
            move_stage(Run(ended), StageStatus.RUNNING)


PLAN = (
    PlannedStage("a"),
    PlannedStage("b", ("a",)),
    PlannedStage("c", ("a",)),
    PlannedStage("d", ("b", "c")),
)


def test_stages_that_do_not_need_each_other_are_ready_together() -> None:
    assert ready(PLAN, {}) == ("a",)
    assert ready(PLAN, {"a": StageStatus.SUCCEEDED}) == ("b", "c")
    both = {"a": StageStatus.SUCCEEDED, "b": StageStatus.SKIPPED, "c": StageStatus.SUCCEEDED}
    assert ready(PLAN, both) == ("d",)
    assert not all_passed(PLAN, both)


def test_a_stage_waits_for_a_need_that_has_not_passed() -> None:
    for status in (StageStatus.RUNNING, StageStatus.WAITING, StageStatus.FAILED, StageStatus.CANCELLED):
        assert ready(PLAN, {"a": status}) == ()
