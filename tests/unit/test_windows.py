"""Windows of time, beside a walker that goes through every minute and looks at the local clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.windows import DAY, Once, Recurring, Window, Windows, instant

MINUTE = timedelta(minutes=1)
CHANGES = {
    "America/Sao_Paulo": ("2017-10-14", "2018-02-17", "2018-11-03", "2019-02-16"),  # at midnight
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),  # by half an hour
    "Pacific/Apia": ("2011-12-30",),  # a day that never was
    "UTC": ("2026-05-01",),
}


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def hours(text: str) -> timedelta:
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


def weekend(zone: str) -> Recurring:
    return Recurring("weekend", frozenset({4}), hours("18:00"), 3 * DAY + hours("8:00"), ZoneInfo(zone))


# -------------------------------------------------------------- the walker

REACH = 5
"""Days that the walker sees before and after; windows of the properties last three at most."""


@cache
def shown_from(zone: str, around: datetime) -> list[datetime]:
    """What the local clock shows at each minute, from `REACH` days before a moment on."""
    where, first = ZoneInfo(zone), around - REACH * DAY
    return [(first + n * MINUTE).astimezone(where).replace(tzinfo=None) for n in range(2 * REACH * 24 * 60)]


def walked(window: Window, around: datetime) -> set[int]:
    """Every minute (counted from the first that is seen) in the window: from the first that shows its beginning, or
    a later time where the clock leaves it out, until the last that shows its end, or the first after it."""
    shown = shown_from(window.zone.key, around)
    inside: set[int] = set()
    for begins, ends in _stretches(window, around):
        first = next((n for n, said in enumerate(shown) if said >= begins), len(shown))
        exact = [n for n, said in enumerate(shown) if said == ends]
        after = next((n for n, said in enumerate(shown) if said > ends), len(shown))
        inside |= set(range(first, exact[-1] if exact else after))
    return inside


def _stretches(window: Window, around: datetime) -> Iterator[tuple[datetime, datetime]]:
    if isinstance(window, Once):
        yield window.begins, window.ends
        return
    midnight = around.replace(tzinfo=None, hour=0, minute=0)
    for n in range(-REACH - 4, REACH + 1):
        day = midnight + n * DAY
        if day.weekday() in window.days:
            yield day + window.begins, day + window.ends


# -------------------------------------------------------------- properties


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a moment near one of its changes."""
    zone = draw(st.sampled_from(list(CHANGES)))
    day = draw(st.sampled_from(CHANGES[zone]))
    return zone, at(f"{day} 12:00")


@st.composite
def windows_of(draw: st.DrawFn, zone: str, around: datetime) -> Window:
    """A daily, weekly or single window, often with an edge in the hours that change."""
    first = timedelta(minutes=draw(st.integers(0, 24 * 60 - 1)))
    where = ZoneInfo(zone)
    match draw(st.sampled_from(("daily", "weekly", "once"))):
        case "daily":
            length = timedelta(minutes=draw(st.integers(1, 24 * 60)))
            days = draw(st.frozensets(st.integers(0, 6), min_size=1))
            return Recurring("daily", days, first, first + length, where)
        case "weekly":
            length = timedelta(minutes=draw(st.integers(1, 3 * 24 * 60)))
            return Recurring("weekly", frozenset({draw(st.integers(0, 6))}), first, first + length, where)
    day = around.replace(tzinfo=None, hour=0, minute=0) + draw(st.integers(-2, 2)) * DAY
    length = timedelta(minutes=draw(st.integers(1, 3 * 24 * 60)))
    return Once("once", day + first, day + first + length, where)


@dataclass(frozen=True)
class Scene:
    """Windows near a change of the clocks, and the minutes that the walker found in them."""

    around: datetime
    windows: Windows
    inside: set[int]

    def moment(self, minute: int) -> datetime:
        return self.around - REACH * DAY + minute * MINUTE


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    zone, around = draw(places())
    every = tuple(draw(windows_of(zone, around)) for _ in range(draw(st.integers(1, 3))))
    inside: set[int] = set().union(*(walked(window, around) for window in every))
    return Scene(around, Windows(every), inside)


MIDDLE = REACH * 24 * 60
near_the_change = st.integers(MIDDLE - 36 * 60, MIDDLE + 36 * 60)


@given(scenes(), near_the_change)
@settings(max_examples=40, deadline=None)
def test_a_moment_is_covered_as_the_walker_finds(scene: Scene, minute: int) -> None:
    for near in range(minute - 90, minute + 91, 15):
        assert scene.windows.covers(scene.moment(near)) == (near in scene.inside)
        assert bool(scene.windows.covering(scene.moment(near))) == (near in scene.inside)


@given(scenes(), near_the_change)
@settings(max_examples=40, deadline=None)
def test_the_end_and_the_next_beginning_are_the_walkers(scene: Scene, minute: int) -> None:
    seen = range(minute, MIDDLE + 3 * 24 * 60)  # what begins later may be out of the walker's sight
    over = next((n for n in seen if n not in scene.inside), None)
    if over is None:
        return
    assert scene.windows.ends(scene.moment(minute)) == scene.moment(over)
    begins = next((n for n in seen if n > over and n in scene.inside), None)
    found = scene.windows.next(scene.moment(minute))
    if begins is None:
        assert found is None or found >= scene.moment(seen.stop)
    else:
        assert found == scene.moment(begins)


# ------------------------------------------------------------------ examples


def test_a_weekend_is_longer_or_shorter_by_the_hour_that_changes() -> None:
    windows = Windows((weekend("Europe/Berlin"),))
    for friday, monday in (
        ("2026-03-27 17:00", "2026-03-30 06:00"),
        ("2026-10-23 16:00", "2026-10-26 07:00"),
    ):
        assert not windows.covers(at(friday) - MINUTE)
        assert windows.covers(at(friday))
        assert windows.ends(at(friday)) == at(monday)
        assert not windows.covers(at(monday))


@pytest.mark.parametrize(
    ("zone", "local", "first", "last"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30", "2026-10-25 01:30"),
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00", "2018-11-04 03:00"),
        ("America/Sao_Paulo", "2018-11-04 00:59", "2018-11-04 03:00", "2018-11-04 03:00"),
        ("America/Sao_Paulo", "2019-02-16 23:30", "2019-02-17 01:30", "2019-02-17 02:30"),
        ("America/Sao_Paulo", "2026-11-01 00:00", "2026-11-01 03:00", "2026-11-01 03:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30", "2026-10-03 15:30"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45", "2026-04-04 15:15"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00", "2011-12-30 10:00"),
    ],
)
def test_what_a_local_time_means(zone: str, local: str, first: str, last: str) -> None:
    written = datetime.fromisoformat(local)
    assert instant(written, ZoneInfo(zone)) == at(first)
    assert instant(written, ZoneInfo(zone), last=True) == at(last)


def test_a_window_within_the_hour_that_is_left_out_is_not_there() -> None:
    night = Recurring("n", frozenset({6}), hours("2:10"), hours("2:50"), ZoneInfo("Europe/Berlin"))
    windows = Windows((night,))
    assert not windows.covers(at("2026-03-29 01:00"))
    assert windows.next(at("2026-03-28 12:00")) == at("2026-04-05 00:10")


def test_what_follows_at_once_is_one_window() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    evening = Recurring("evening", frozenset({0}), hours("18:00"), hours("24:00"), zone)
    first, last = datetime.fromisoformat("2026-12-22"), datetime.fromisoformat("2026-12-27")
    holiday = Once("holiday", first, last, zone)
    windows = Windows((holiday, evening))
    assert windows.ends(at("2026-12-21 22:00")) == at("2026-12-27 03:00")
    assert windows.next(at("2026-12-21 22:00")) == at("2026-12-28 21:00")


def test_without_a_gap_there_is_no_end_and_nothing_next() -> None:
    always = Recurring("always", frozenset(range(7)), timedelta(), DAY, ZoneInfo("Europe/Berlin"))
    windows = Windows((always,))
    assert windows.covers(at("2026-03-29 01:00"))
    assert windows.ends(at("2026-03-29 01:00")) is None
    assert windows.next(at("2026-03-29 01:00")) is None


def test_no_window_covers_nothing() -> None:
    moment = at("2026-03-29 01:00")
    assert (Windows(()).covers(moment), Windows(()).ends(moment), Windows(()).next(moment)) == (
        False,
        moment,
        None,
    )
