"""Verdicts on windows: what is caught, what is let pass, what is said of too little, and false alarms."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.comparing import Verdict, judge
from pipeline.config import WatchLimit
from pipeline.measuring import Window

ERRORS = WatchLimit(name="errors", kind="error-rate", metric="all", errors="bad", most=0.05, effect=1.5)
LATENCY = WatchLimit(name="latency", kind="latency", metric="seconds", most=0.5, effect=1.3)
CALL = WatchLimit(name="cost", kind="cost", metric="usd", per="calls", effect=1.5)
HOUR = WatchLimit(name="hour", kind="cost", metric="usd", most=10.0)
QUEUE = WatchLimit(name="queue", kind="gauge", metric="jobs", most=100.0)


def line(*values: float | None, count: float = 30, bad: float = 0) -> list[Window]:
    return [Window(15.0 * place, 15.0, value, count if value is not None else 0, bad)
            for place, value in enumerate(values)]  # fmt: skip


def rates(*bad: int, count: int = 30) -> list[Window]:
    return [Window(15.0 * place, 15.0, each / count, count, each) for place, each in enumerate(bad)]


def told(verdict: Verdict) -> tuple[str, str]:
    return verdict.verdict, verdict.code


def test_a_ceiling_of_errors_breaks_in_the_first_window_that_leaves_no_doubt() -> None:
    found = judge(ERRORS, [], rates(0, 0, 12))
    assert told(found) == ("failed", "ceiling")
    assert found.facts["value"] == pytest.approx(0.4)


def test_two_errors_of_twenty_are_over_five_percent_and_prove_nothing() -> None:
    assert told(judge(ERRORS, [], rates(2, count=20))) == ("passed", "held")


def test_slow_requests_break_the_ceiling_when_more_than_one_in_twenty_is_over_it() -> None:
    assert told(judge(LATENCY, [], line(0.9, bad=10))) == ("failed", "ceiling")
    assert told(judge(LATENCY, [], line(0.6, bad=2))) == ("passed", "held")


def test_a_ceiling_without_a_number_of_requests_must_last() -> None:
    assert told(judge(HOUR, [], line(1, 30))) == ("passed", "held")
    assert told(judge(HOUR, [], line(1, 30, 31))) == ("failed", "ceiling")
    assert told(judge(QUEUE, [], line(1, 300, 2))) == ("passed", "held")
    assert told(judge(QUEUE, [], line(1, 300, 200))) == ("failed", "ceiling")


def test_triple_cost_for_each_call_is_worse_than_before() -> None:
    before = line(1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02, 1.0)
    found = judge(CALL, before, line(3.0, 3.1, 2.9, 3.2, 3.0, 3.1, 2.9, 3.0, 3.0))
    assert told(found) == ("failed", "worse")
    assert found.facts["ratio"] == pytest.approx(3.03, abs=0.1)
    assert (found.facts["before"], found.facts["value"]) == (1.0, pytest.approx(3.0, abs=0.05))


def test_a_certain_but_small_difference_is_none() -> None:
    before = line(*(1.0 + place / 1000 for place in range(20)))
    assert told(judge(CALL, before, line(*(1.2 + place / 1000 for place in range(20))))) == ("passed", "held")


def test_a_difference_must_last() -> None:
    before, worse = line(*[1.0, 1.1, 0.9] * 4), line(3.0, 3.1, 2.9, 3.2, 3.0, 3.1, 2.9, 3.0)
    assert told(judge(CALL, before, worse)) == ("passed", "held")
    assert told(judge(CALL, before, line(3.0, 3.1, 2.9, 3.2, 3.0, 3.1, 2.9, 3.0, 3.0))) == ("failed", "worse")


def test_more_errors_than_before_are_found_by_fishers_exact_test() -> None:
    limit = ERRORS.model_copy(update={"most": None})
    found = judge(limit, rates(*[0] * 20), rates(2, 2, 2, 2, 2))
    assert told(found) == ("failed", "worse")
    assert found.facts["ratio"] is None  # of none there is no multiple
    assert told(judge(limit, rates(*[0] * 20), rates(1, 0, 1, 0, 1))) == ("passed", "held")


@pytest.mark.parametrize(
    ("limit", "now", "code"),
    [
        (ERRORS, [], "no_data"),
        (ERRORS, line(None, None, count=0), "too_few"),
        (ERRORS, rates(0, count=19), "too_few"),
        (ERRORS, rates(19, count=19), "too_few"),
        (LATENCY, line(9.0, count=5, bad=5), "too_few"),
        (HOUR, [], "no_data"),
        (QUEUE, line(None), "no_data"),
        (QUEUE, line(float("nan")), "no_data"),
        (CALL, line(*[1.0] * 9), "no_baseline"),
    ],
)
def test_too_little_is_inconclusive(limit: WatchLimit, now: list[Window], code: str) -> None:
    assert told(judge(limit, [], now)) == ("inconclusive", code)


Numbers = st.one_of(st.none(), st.floats(min_value=0, max_value=1e9), st.just(float("nan")))
Counts = st.floats(0, 1e4)
Windows = st.lists(st.builds(Window, st.just(0.0), st.just(15.0), Numbers, Counts, Counts), max_size=12)


@given(st.sampled_from([ERRORS, LATENCY, CALL, HOUR, QUEUE]), Windows, Windows)
def test_every_pair_of_windows_has_a_verdict_whose_facts_can_be_stored(
    limit: WatchLimit, before: list[Window], now: list[Window]
) -> None:
    found = judge(limit, before, now)
    assert found.verdict in ("passed", "failed", "inconclusive")
    assert all(value == value for value in found.told().values())


@given(st.sampled_from([ERRORS, LATENCY, CALL, HOUR, QUEUE]), Windows)
def test_nothing_is_never_a_pass(limit: WatchLimit, before: list[Window]) -> None:
    assert judge(limit, before, []).verdict == "inconclusive"


# ---------------------------------------------------------------- false alarms

LOOKS = 40


def _error_rates(chance: random.Random, length: int) -> list[Window]:
    return rates(*(sum(chance.random() < 0.01 for _ in range(40)) for _ in range(length)), count=40)


def _latencies(chance: random.Random, length: int) -> list[Window]:
    return [_latency(chance) for _ in range(length)]


def _latency(chance: random.Random) -> Window:
    slow = float(sum(chance.random() < 0.02 for _ in range(40)))
    return Window(0.0, 15.0, 0.2 * chance.lognormvariate(0, 0.3), 40.0, slow)


def _costs(chance: random.Random, length: int) -> list[Window]:
    return [Window(0.0, 15.0, chance.lognormvariate(0, 0.4), 12.0) for _ in range(length)]


def test_of_a_hundred_watches_of_identical_versions_at_most_one_gives_an_alarm() -> None:
    """Each of three limits looked at after every window: twelve thousand verdicts."""
    chance = random.Random(7)
    shapes: list[tuple[WatchLimit, Callable[[random.Random, int], list[Window]]]] = [
        (ERRORS, _error_rates), (LATENCY, _latencies), (CALL, _costs),
    ]  # fmt: skip

    def has_alarm() -> bool:
        sides = [(limit, make(chance, 20), make(chance, LOOKS)) for limit, make in shapes]
        return any(
            judge(limit, before, now[:length]).verdict == "failed"
            for limit, before, now in sides
            for length in range(1, LOOKS + 1)
        )

    assert sum(has_alarm() for _ in range(100)) <= 1
