"""Windows out of readings, and selectors: counters that begin anew, histograms, what is not there."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import WatchLimit
from pipeline.measuring import wanted, window, windows
from pipeline.selectors import Matcher, Selector, matchers, selector

ERRORS = WatchLimit(name="errors", kind="error-rate", metric="all", errors="bad", most=0.05)
LATENCY = WatchLimit(name="slow", kind="latency", metric="seconds", most=0.5, quantile=0.5)
HOUR = WatchLimit(name="hour", kind="cost", metric="usd", most=1.0)
CALL = WatchLimit(name="call", kind="cost", metric="usd", per="calls", most=1.0)


def errors(count: float, bad: float | None) -> dict[str, dict[str, float]]:
    return {"errors/all": {"": count}} | ({"errors/bad": {"": bad}} if bad is not None else {})


def test_a_window_is_what_was_counted_between_two_readings() -> None:
    found = window(ERRORS, errors(100, 1), errors(150, 6), 15.0, 15.0)
    assert found
    assert (found.count, found.bad, found.value) == (50, 5, 0.1)


def test_errors_that_were_never_counted_are_none_and_requests_that_were_not_are_unknown() -> None:
    found = window(ERRORS, errors(100, None), errors(150, None), 15.0, 15.0)
    assert found
    assert (found.count, found.value) == (50, 0.0)
    assert window(ERRORS, {}, errors(150, None), 15.0, 15.0) is None
    assert window(ERRORS, errors(100, 1), {}, 15.0, 15.0) is None


def test_the_first_errors_count_although_their_series_was_not_there_before() -> None:
    found = window(ERRORS, errors(100, None), errors(150, 6), 15.0, 15.0)
    assert found
    assert found.bad == 6


def test_a_counter_that_fell_began_anew() -> None:
    found = window(ERRORS, errors(100, 5), errors(40, 2), 15.0, 15.0)
    assert found
    assert (found.count, found.bad) == (40, 2)


def test_a_window_without_requests_has_no_value() -> None:
    found = window(ERRORS, errors(100, 1), errors(100, 1), 15.0, 15.0)
    assert found
    assert (found.value, found.count) == (None, 0)


def test_a_histogram_gives_its_quantile_and_how_many_were_over_the_ceiling() -> None:
    before = {"slow/buckets": {"0.1": 0.0, "0.5": 0.0, "1.0": 0.0, "+Inf": 0.0}}
    now = {"slow/buckets": {"0.1": 20.0, "0.5": 60.0, "1.0": 90.0, "+Inf": 100.0}}
    found = window(LATENCY, before, now, 15.0, 15.0)
    assert found
    assert found.value == pytest.approx(0.4)
    assert (found.count, found.bad) == (100, 40)


def test_a_histogram_without_a_last_bucket_says_nothing() -> None:
    found = window(LATENCY, {"slow/buckets": {"0.1": 0.0}}, {"slow/buckets": {"0.1": 5.0}}, 15.0, 15.0)
    assert found
    assert found.value is None


def test_cost_is_by_the_hour_or_by_the_call() -> None:
    before, now = {"hour/amount": {"": 1.0}}, {"hour/amount": {"": 1.5}}
    hour = window(HOUR, before, now, 15.0, 15.0)
    call = window(CALL, {"call/amount": {"": 1.0}, "call/all": {"": 10.0}},
                  {"call/amount": {"": 1.5}, "call/all": {"": 20.0}}, 15.0, 15.0)  # fmt: skip
    assert hour
    assert call
    assert (hour.value, call.value, call.count) == (120.0, 0.05, 10)


def test_windows_are_kept_short_and_read_back() -> None:
    found = window(ERRORS, errors(100, 1), errors(133, 6), 1_764_151_328.123456, 15.00001)
    assert found
    (again,) = windows([found.kept()])
    assert again.value == pytest.approx(found.value, rel=1e-5)
    assert again.at == 1_764_151_328.12


def test_each_limit_asks_for_its_own_series() -> None:
    names = wanted([ERRORS, LATENCY, CALL])
    assert sorted(names) == ["call/all", "call/amount", "errors/all", "errors/bad", "slow/buckets"]
    assert names["slow/buckets"].kind == "buckets"


Counts = st.lists(st.floats(0, 1e9), min_size=1, max_size=6)
Bounds = st.dictionaries(st.sampled_from(["0.1", "0.5", "1.0", "2.5", "+Inf"]), st.floats(0, 1e6))


@given(Bounds, Bounds)
def test_any_histogram_gives_a_number_or_none(before: dict[str, float], now: dict[str, float]) -> None:
    found = window(LATENCY, {"slow/buckets": before}, {"slow/buckets": now}, 15.0, 15.0)
    assert found
    assert found.value is None or math.isfinite(found.value)
    assert 0 <= found.bad <= found.count


def test_a_selector_picks_by_name_and_labels() -> None:
    picked = selector('requests_total{route!~"/api/(metrics|healthz)", status=~"5..", method="GET"}')
    assert picked.picks("requests_total", {"route": "/api/charges", "status": "503", "method": "GET"})
    assert not picked.picks("requests_total", {"route": "/api/metrics", "status": "503", "method": "GET"})
    assert not picked.picks("requests_total", {"route": "/", "status": "5030", "method": "GET"})
    assert not picked.picks("requests", {"route": "/", "status": "503", "method": "GET"})


@pytest.mark.parametrize(
    "text", ["", "a b", "a{", 'a{b="c"', "a{b=c}", 'a{b~"c"}', 'a{b=~"("}', 'a{="c"}', 'a{b="c" d="e"}']
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"should be|cannot be read"):
        selector(text)


Labels = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
Conditions = st.builds(Matcher, Labels, st.sampled_from(["=", "!="]), st.text(max_size=20))


@given(st.builds(Selector, Labels, st.lists(Conditions, max_size=4).map(tuple)))
def test_a_selector_reads_what_it_writes(written: Selector) -> None:
    assert selector(str(written)) == written


@given(st.text(max_size=60))
def test_conditions_are_read_or_refused(text: str) -> None:
    try:
        matchers(text)
    except ValueError:
        return
