"""Times, locks and freezes as people type them: what is meant, and what could mean two things or nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import phrases
from handlers.phrases import FreezePhrase, LockPhrase, Now, SchedulePhrase
from pipeline.errors import Refused

SAO_PAULO, BERLIN = ZoneInfo("America/Sao_Paulo"), ZoneInfo("Europe/Berlin")
NOW = Now(datetime(2026, 11, 25, 12, 30, tzinfo=UTC), SAO_PAULO)  # a Wednesday, 09:30 there


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def refused(read: object, text: str, now: Now = NOW) -> Refused:
    with pytest.raises(Refused) as refusal:
        read(text.split(), now)  # type: ignore[operator]  # one of the readers below
    return refusal.value


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-12-01 10:00", "2026-12-01 13:00"),
        ("2026-12-01T10:00", "2026-12-01 13:00"),
        ("2026-12-1 9:05", "2026-12-01 12:05"),
        ("today 10:00", "2026-11-25 13:00"),
        ("10:00", "2026-11-25 13:00"),
        ("Tomorrow 00:15", "2026-11-26 03:15"),
        ("friday 18:00", "2026-11-27 21:00"),
        ("tue 08:00", "2026-12-01 11:00"),
        ("in 2h", "2026-11-25 14:30"),
        ("in 1h30m", "2026-11-25 14:00"),
        ("in 90min", "2026-11-25 14:00"),
        ("in 3d", "2026-11-28 12:30"),
    ],
)
def test_a_moment_is_of_the_products_zone(typed: str, meant: str) -> None:
    assert phrases.moment(typed.split(), NOW) == (utc(meant), [])


@pytest.mark.parametrize(
    ("typed", "code", "fact"),
    [
        ("", "time_missing", ""),
        ("tomorow 10:00", "time_unknown", "tomorrow"),
        ("fryday 10:00", "time_unknown", "friday"),
        ("01/12/2026 10:00", "time_unknown", "01/12/2026"),
        ("soon", "time_unknown", "soon"),
        ("2026-02-31 10:00", "no_such_date", "2026-02-31"),
        ("2026-13-01 10:00", "no_such_date", "2026-13-01"),
        ("0000-01-01 10:00", "no_such_date", "0000-01-01"),
        ("9999-12-31 23:59", "no_such_date", "9999-12-31"),
        ("2026-12-01 25:00", "no_such_time", "25:00"),
        ("2026-12-01 10:60", "no_such_time", "10:60"),
        ("2026-12-01", "time_of_day_missing", "2026-12-01"),
        ("tomorrow", "time_of_day_missing", "tomorrow"),
        ("tomorrow 10h", "time_of_day_missing", "10h"),
        ("tomorrow １０:００", "time_of_day_missing", "１０:００"),
        ("2025-12-01 10:00", "time_past", "2025-12-01 10:00"),
        ("09:30", "time_past", "09:30"),
        ("in 0m", "time_past", "in 0m"),
        ("2028-12-01 10:00", "time_far", "2028-12-01 10:00"),
        ("in 999d", "time_far", "in 999d"),
        ("in", "duration_unknown", ""),
        ("in two hours", "duration_unknown", "two"),
        ("in -2h", "duration_unknown", "-2h"),
        ("wednesday 10:00", "which_weekday", "2026-12-02"),
    ],
)
def test_what_means_nothing_or_two_things_is_refused(typed: str, code: str, fact: str) -> None:
    refusal = refused(phrases.moment, typed)
    assert refusal.code == code
    assert fact in " ".join(refusal.facts.values())


def test_the_hours_that_change_are_refused() -> None:
    spring = Now(utc("2027-03-20 12:00"), BERLIN)
    assert refused(phrases.moment, "2027-03-28 02:30", spring).code == "time_left_out"
    autumn = Now(utc("2026-10-20 12:00"), BERLIN)
    assert refused(phrases.moment, "2026-10-25 02:30", autumn).code == "time_twice"
    assert phrases.moment(["2026-10-25", "03:00"], autumn)[0] == utc("2026-10-25 02:00")


def test_today_is_the_zones_day() -> None:
    late = Now(utc("2026-11-26 01:00"), SAO_PAULO)
    assert phrases.moment(["today", "23:00"], late)[0] == utc("2026-11-26 02:00")
    assert phrases.moment(["tomorrow", "01:00"], late)[0] == utc("2026-11-26 04:00")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("staging for 2h trying it", LockPhrase("staging", utc("2026-11-25 14:30"), "trying it")),
        ("production a fire", LockPhrase("production", None, "a fire")),
        ("a fire for all", LockPhrase("production", None, "a fire for all")),
        ("for the audit", LockPhrase("production", None, "for the audit")),
        ("Staging until tomorrow 10:00 a move", LockPhrase("staging", utc("2026-11-26 13:00"), "a move")),
        ("until 18:00", LockPhrase("production", utc("2026-11-25 21:00"), "")),
        ("", LockPhrase("production", None, "")),
    ],
)
def test_a_lock(typed: str, meant: LockPhrase) -> None:
    assert phrases.lock(typed.split(), NOW) == meant


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("stagging for 2h x", "which_environment"),
        ("staging for 2 hours x", "duration_unknown"),
        ("staging for 2x x", "duration_unknown"),
        ("staging until the audit is over", "time_unknown"),
        ("staging until", "time_missing"),
    ],
)
def test_a_lock_that_could_be_meant_otherwise_is_refused(typed: str, code: str) -> None:
    assert refused(phrases.lock, typed).code == code


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2h stocktaking", FreezePhrase(utc("2026-11-25 14:30"), "stocktaking")),
        ("for 2h", FreezePhrase(utc("2026-11-25 14:30"), "")),
        ("until 2026-12-24 10:00 the year's end", FreezePhrase(utc("2026-12-24 13:00"), "the year's end")),
    ],
)
def test_a_freeze(typed: str, meant: FreezePhrase) -> None:
    assert phrases.freeze(typed.split(), NOW) == meant


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "freeze_until_when"),
        ("stocktaking", "freeze_until_when"),
        ("0m", "time_past"),
        ("until 25:00", "no_such_time"),
    ],
)
def test_a_freeze_needs_an_end(typed: str, code: str) -> None:
    assert refused(phrases.freeze, typed).code == code


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("v0.2.0 2026-12-01 10:00", SchedulePhrase("v0.2.0", None, utc("2026-12-01 13:00"))),
        ("0.2.0 abc1234 in 2h", SchedulePhrase("0.2.0", "abc1234", utc("2026-11-25 14:30"))),
        ("v0.2.0 3f2a1b9 tomorrow 10:00", SchedulePhrase("v0.2.0", "3f2a1b9", utc("2026-11-26 13:00"))),
    ],
)
def test_what_is_scheduled(typed: str, meant: SchedulePhrase) -> None:
    assert phrases.schedule(typed.split(), NOW) == meant


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("v0.2.0", "time_missing"),
        ("v0.2.0 tomorow 10:00", "time_unknown"),
        ("v0.2.0 abc1234", "time_unknown"),
        ("v0.2.0 01/12/2026 10:00", "time_unknown"),
        ("v0.2.0 10h 10:00", "time_unknown"),
        ("v0.2.0 tomorrow 10:00 please", "time_unknown"),
        ("v0.2.0 10:00 2026-12-01", "time_unknown"),
        ("v0.2.0 2026-02-31 10:00", "no_such_date"),
    ],
)
def test_what_cannot_be_scheduled(typed: str, code: str) -> None:
    assert refused(phrases.schedule, typed).code == code


def test_an_environment_alone() -> None:
    assert [phrases.environment(words) for words in ([], ["STAGING"], ["production"])] == [
        "production", "staging", "production",
    ]  # fmt: skip
    for typed in ("stagin", "canary", "staging now"):
        with pytest.raises(Refused, match="which_environment"):
            phrases.environment(typed.split())


WORDS = st.sampled_from(
    ["v0.2.0", "staging", "for", "until", "in", "2h", "tomorrow", "friday", "2026-12-01", "10:00", "x", "²:00", "٣h"]
)  # fmt: skip


def understood(read: Callable[[Sequence[str], Now], object], words: list[str]) -> object:
    """What is read, or the refusal itself."""
    try:
        return read(words, NOW)
    except Refused as refusal:
        return refusal


@given(st.lists(WORDS | st.text(max_size=12).filter(lambda text: bool(text.split())), min_size=1, max_size=6))
def test_anything_is_understood_or_refused(words: list[str]) -> None:
    for read in (phrases.lock, phrases.freeze, phrases.schedule, phrases.moment):
        found = understood(read, words)
        if isinstance(found, Refused):
            assert all(len(fact) < 100 for fact in found.facts.values())
            continue
        at = found[0] if isinstance(found, tuple) else getattr(found, "until", getattr(found, "at", None))
        assert at is None or NOW.at < at <= NOW.at + timedelta(days=366)
