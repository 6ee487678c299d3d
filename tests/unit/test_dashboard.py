"""The looks at the dashboard: what counts as a lapse, and that it is told once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.stages.dashboard import MOST, NEVER, State, after, lasting

EVERY = timedelta(seconds=15)
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def looks(*found: str | None, every: timedelta = EVERY) -> State:
    state = NEVER
    for number, one in enumerate(found):
        state = after(state, one, START + number * every, EVERY)
    return state


def test_one_look_that_fails_is_no_news() -> None:
    assert lasting(looks(None, "500")) is None
    assert looks("500", None, "500", None)["lapses"] == []


def test_two_in_a_row_are_a_lapse_from_the_first_on_in_its_first_words() -> None:
    begin = START.timestamp()
    assert lasting(looks("500", "timeout", "502")) == {"since": begin, "until": None, "problem": "timeout"}
    assert looks("500", "500", "500", None)["lapses"] == [
        {"since": begin, "until": begin + 45, "problem": "500"}
    ]


def test_a_look_that_follows_at_once_is_not_a_second_one() -> None:
    assert lasting(looks("500", "500", every=timedelta(seconds=1))) is None


@given(st.lists(st.sampled_from([None, "500", "away"]), max_size=80))
def test_lapses_are_exactly_the_failures_that_lasted(found: list[str | None]) -> None:
    runs = "".join("x" if one else "." for one in found).split(".")
    state = looks(*found)
    assert len(state["lapses"]) == min(MOST, sum(len(run) >= 2 for run in runs))
    assert (lasting(state) is not None) == (len(runs[-1]) >= 2)
    assert all(lapse["until"] is None or lapse["until"] > lapse["since"] for lapse in state["lapses"])
    assert [lapse["until"] for lapse in state["lapses"][:-1]].count(None) == 0
