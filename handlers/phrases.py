"""Times and reasons as people type them. Pure: the moment and the zone of the product are given.

What could mean two things is refused: 12/01 (which is the day?), a time that the clocks show twice that night, or the
name of the weekday that today is.
"""

import contextlib
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.config_windows import WEEKDAYS, weekday
from pipeline.errors import Refused
from pipeline.locks import ENVIRONMENTS
from pipeline.windows import DAY, meant

FARTHEST = timedelta(days=366)
"""Nobody plans further; a year that was mistyped is found by it."""

_DURATION = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m(?:in)?)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_LIKE_A_TIME = re.compile(r"\d{1,4}[-/.:]\d.*|\d{1,2}(am|pm|h)?", re.ASCII | re.DOTALL)
_WORDS = ("today", "tomorrow", "in", "until", "for", *WEEKDAYS)


@dataclass(frozen=True)
class Now:
    """When and where something was typed: the moment, and the product's zone."""

    at: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.at.astimezone(self.zone).date()


Words = Sequence[str]
Read = tuple[datetime, Words]
"""A moment, and the words after it."""


@dataclass(frozen=True)
class LockPhrase:
    """`/release lock ...` as a command. `until` is None for a lock without an end."""

    environment: str
    until: datetime | None
    reason: str


@dataclass(frozen=True)
class FreezePhrase:
    """`/release freeze ...` as a command."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class SchedulePhrase:
    """`/release schedule v0.2.0 ...` as a command."""

    version: str
    ref: str | None
    at: datetime


def lock(words: Words, now: Now) -> LockPhrase:
    """`[production|staging] [for 2h | until TIME] REASON`. Raises Refused."""
    environment, rest = _environment(words)
    until, rest = _until(rest, now)
    return LockPhrase(environment, until, " ".join(rest))


def freeze(words: Words, now: Now) -> FreezePhrase:
    """`until TIME [REASON]`, `2h [REASON]`. Raises Refused."""
    until, rest = _until(words, now)
    if until is None and rest and _duration(rest[0]) is not None:
        until, rest = _to_come(_after, rest, now)
    if until is None:
        raise Refused("freeze_until_when")
    return FreezePhrase(until, " ".join(rest))


def schedule(words: Words, now: Now) -> SchedulePhrase:
    """`VERSION [COMMIT] TIME`. Raises Refused."""
    version, rest, ref = words[0], words[1:], None
    if len(rest) > 1 and not _begins_a_time(rest[0]):
        ref, rest = rest[0], rest[1:]
    at, left = moment(rest, now)
    if left:
        raise Refused("time_unknown", text=" ".join(rest)[:80], near="")
    return SchedulePhrase(version, ref, at)


def environment(words: Words) -> str:
    """`[production|staging]` and nothing else. Raises Refused."""
    found, rest = _environment(words)
    if rest:
        raise Refused("which_environment", text=" ".join(rest)[:80], near="")
    return found


def _environment(words: Words) -> tuple[str, Words]:
    first = words[0].lower() if words else ""
    if first in ENVIRONMENTS:
        return first, words[1:]
    if near := difflib.get_close_matches(first[:20], ENVIRONMENTS, n=1, cutoff=0.8):
        raise Refused("which_environment", text=words[0][:80], near=near[0])
    return "production", words


def _until(words: Words, now: Now) -> tuple[datetime | None, Words]:
    """`for 2h` or `until TIME`, where it stands there; "for the audit" is a reason."""
    first = words[0].lower() if words else ""
    if first == "until":
        return moment(words[1:], now)
    if first == "for" and len(words) > 1 and words[1][0].isdigit():
        return _to_come(_after, words[1:], now)
    return None, words


# -------------------------------------------------------------------- moments


def moment(words: Words, now: Now) -> Read:
    """Read a moment to come: `2026-12-01 10:00`, `tomorrow 10:00`, `friday 10:00`, `10:00`, `in 2h`.

    Raises Refused: what is wrong with it, and how to write it.
    """
    if not words:
        raise Refused("time_missing")
    return _to_come(_reader(words[0].lower()), words, now)


def partly(words: Words, now: Now) -> tuple[str, str, Words]:
    """What of a moment was typed, for a form: the day as 2026-12-01 and the time as 10:00, "" for what is missing.

    Also where an `until` or `for` stands before it. What cannot be read is left to what follows.
    """
    begins = words[1:] if words and words[0].lower() in ("until", "for") else words
    for read in (moment, _after):
        with contextlib.suppress(Refused):
            at, left = read(begins, now)
            local = at.astimezone(now.zone)
            return f"{local:%Y-%m-%d}", f"{local:%H:%M}", left
    day = _day(begins[0].lower(), now) if begins else None
    return (str(day), "", begins[1:]) if day else ("", "", words)


def _day(word: str, now: Now) -> date | None:
    """The day that a word names, without a time."""
    if word in ("today", "tomorrow"):
        return now.today + (DAY if word == "tomorrow" else 0 * DAY)
    if (number := weekday(word)) is not None:
        return now.today + ((number - now.today.weekday()) % 7 or 7) * DAY
    found = _DATE.fullmatch(word)
    with contextlib.suppress(ValueError):
        return date(*map(int, found.groups())) if found else None
    return None


def _to_come(read: Callable[[Words, Now], Read], words: Words, now: Now) -> Read:
    at, left = read(words, now)
    if at <= now.at:
        raise Refused("time_past", text=" ".join(words[: len(words) - len(left)])[:80])
    if at > now.at + FARTHEST:
        raise Refused("time_far", text=" ".join(words[: len(words) - len(left)])[:80])
    return at, left


def _reader(first: str) -> Callable[[Words, Now], Read]:
    if first == "in":
        return lambda words, now: _after(words[1:], now)
    if first in ("today", "tomorrow"):
        return lambda words, now: _on(now.today + (DAY if first == "tomorrow" else 0 * DAY), words, now)
    if weekday(first) is not None:
        return _next_weekday
    if _CLOCK.fullmatch(first):
        return lambda words, now: _on(now.today, ["today", *words], now)
    return _dated


def _after(words: Words, now: Now) -> Read:
    length = _duration(words[0]) if words else None
    if length is None:
        raise Refused("duration_unknown", text=" ".join(words[:1])[:80])
    return now.at + length, words[1:]


def _duration(word: str) -> timedelta | None:
    found = _DURATION.fullmatch(word.lower()) if word else None
    if not found:
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def _next_weekday(words: Words, now: Now) -> Read:
    ahead = ((weekday(words[0].lower()) or 0) - now.today.weekday()) % 7
    if ahead == 0:
        raise Refused(
            "which_weekday", text=words[0][:20], today=str(now.today), next=str(now.today + 7 * DAY)
        )
    return _on(now.today + ahead * DAY, words, now)


def _dated(words: Words, now: Now) -> Read:
    day, _, clock = words[0].upper().partition("T")
    found = _DATE.fullmatch(day)
    if not found:
        raise Refused("time_unknown", text=words[0][:80], near=",".join(_near(words[0])))
    try:
        on = date(*map(int, found.groups()))
    except ValueError as error:
        raise Refused("no_such_date", text=words[0][:80]) from error
    return _on(on, [day, clock, *words[1:]] if clock else words, now)


def _on(day: date, words: Words, now: Now) -> Read:
    """The time of the day that follows the day."""
    found = _CLOCK.fullmatch(words[1]) if len(words) > 1 else None
    if not found:
        raise Refused("time_of_day_missing", text=" ".join(words[:2])[:80])
    if int(found[1]) > 23 or int(found[2]) > 59:
        raise Refused("no_such_time", text=words[1])
    return _instant(datetime.combine(day, time(int(found[1]), int(found[2]))), now.zone), words[2:]


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    try:
        first, second = meant(local, zone)
    except OverflowError as error:
        raise Refused("no_such_date", text=f"{local:%Y-%m-%d}") from error
    if first != second:
        code = "time_left_out" if first > second else "time_twice"
        raise Refused(code, text=f"{local:%Y-%m-%d %H:%M}", zone=zone.key)
    return first.astimezone(UTC)


def _begins_a_time(word: str) -> bool:
    known = word.lower() in _WORDS or weekday(word.lower()) is not None
    return known or bool(_near(word)) or _LIKE_A_TIME.fullmatch(word) is not None


def _near(word: str) -> list[str]:
    return difflib.get_close_matches(word[:20].lower(), _WORDS, n=2, cutoff=0.75)
