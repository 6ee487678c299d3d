"""Windows of time as bot.toml has them: `from`, `to`, `days` and `timezone`.

Three ways to write one: a time of the day on some days of the week (`days = ["mon", "tue"]`, `from = "18:00"`,
`to = "08:00"`; without `days` on every day), a part of the week (`from = "fri 18:00"`, `to = "mon 08:00"`), or once
(`from = "2026-12-24 10:00"`, `to = "2027-01-02"`; a date without a time means its beginning in `from` and its end
in `to`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from pipeline.config_values import Model
from pipeline.windows import DAY, Once, Recurring, Window
from pipeline.zones import zone

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YEARS = range(2000, 2100)
_FORMS = 'should be "18:00", "fri 18:00", "2026-12-24 10:00" or "2026-12-24"'


@dataclass(frozen=True)
class OfDay:
    """A time after midnight, up to 24:00, on whichever day."""

    after: timedelta


@dataclass(frozen=True)
class OfWeek:
    """A time on a day of the week; Monday is 0."""

    day: int
    after: timedelta


@dataclass(frozen=True)
class Dated:
    """A local moment; of a date that was written without a time, midnight."""

    at: datetime
    whole_day: bool


Edge = OfDay | OfWeek | Dated


def edge(text: str) -> Edge:
    """Read what stands in `from` or `to`. Raises ValueError that says what is right."""
    for pattern, read in _READ:
        if found := re.fullmatch(pattern, text.strip().lower(), re.ASCII):
            return read(*found.groups())
    raise ValueError(_FORMS)


def _of_day(hours: str, minutes: str) -> OfDay:
    after = timedelta(hours=int(hours), minutes=int(minutes))
    if int(minutes) > 59 or after > DAY:
        raise ValueError("should be a time between 00:00 and 24:00")
    return OfDay(after)


def _of_week(day: str, hours: str, minutes: str) -> OfWeek:
    number = weekday(day)
    if number is None:
        raise ValueError(f"should begin with a day of the week, {', '.join(DAYS)}; {_FORMS}")
    after = _of_day(hours, minutes).after
    return OfWeek((number + after // DAY) % 7, after % DAY)


def weekday(text: str) -> int | None:
    """The number of a day of the week, written short or in full; Monday is 0."""
    return next((n for n, known in enumerate(WEEKDAYS) if text in (known, known[:3])), None)


def _dated(day: str, clock: str | None) -> Dated:
    try:
        midnight = datetime.combine(date.fromisoformat(day), time())
    except ValueError as error:
        raise ValueError("should be a date that there is, such as 2026-12-24") from error
    if midnight.year not in YEARS:
        raise ValueError(f"should be a date from {YEARS.start} to {YEARS.stop - 1}")
    return Dated(midnight + (_of_day(*clock.split(":")[:2]).after if clock else timedelta()), not clock)


_READ: tuple[tuple[str, Callable[..., Edge]], ...] = (
    (r"(\d{1,2}):(\d{2})(?::00)?", _of_day),
    (r"([a-z]+) +(\d{1,2}):(\d{2})", _of_week),
    (r"(\d{4}-\d{2}-\d{2})(?:[ t](\d{1,2}:\d{2})(?::00)?)?", _dated),
)


def _written(value: object) -> object:
    """TOML has dates and times of its own; with an offset they would be of another zone than `timezone`."""
    if isinstance(value, datetime | time) and value.tzinfo is not None:
        raise ValueError('should be a local time without an offset; the zone is named in "timezone"')
    return value.isoformat() if isinstance(value, date | time) else value


def _readable(text: str) -> str:
    edge(text)
    return text


def _known_zone(name: str) -> str:
    return zone(name).key


EdgeText = Annotated[
    str,
    BeforeValidator(_written),
    AfterValidator(_readable),
    WithJsonSchema({"type": "string", "examples": ["18:00", "fri 18:00", "2026-12-24 10:00", "2026-12-24"]}),
]
ZoneName = Annotated[str, AfterValidator(_known_zone), Field(examples=["America/Sao_Paulo"])]


class WindowOfTime(Model):
    """A window. Its times are of `timezone`, or of the product's where it names none."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    days: tuple[Day, ...] = ()
    begins: EdgeText = Field(alias="from")
    ends: EdgeText = Field(alias="to")
    timezone: ZoneName | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "WindowOfTime":
        self.window("UTC")
        return self

    def window(self, zone_name: str) -> Window:
        """The window itself; `zone_name` is the product's. Raises ValueError that names the keys."""
        where, first, last = zone(self.timezone or zone_name), edge(self.begins), edge(self.ends)
        match first, last:
            case OfDay(), OfDay():
                return self._daily(first.after, last.after, where)
            case OfWeek(), OfWeek():
                return self._weekly(first, last, where)
            case Dated(), Dated():
                return self._once(first, last, where)
        raise ValueError(
            '"from" and "to" should be written alike: two times of the day, two days of the week with their '
            "times, or two dates"
        )

    def _daily(self, begins: timedelta, ends: timedelta, where: ZoneInfo) -> Recurring:
        if begins in (ends, DAY):
            raise ValueError(
                '"from" and "to" are the same; for a whole day write from = "00:00", to = "24:00"'
            )
        on = frozenset(DAYS.index(day) for day in self.days or DAYS)
        return Recurring(self.name, on, begins, ends if ends > begins else ends + DAY, where)

    def _weekly(self, first: OfWeek, last: OfWeek, where: ZoneInfo) -> Recurring:
        self._no_days('"from" and "to" name the days')
        ends = (last.day - first.day) % 7 * DAY + last.after
        if (last.day, last.after) == (first.day, first.after):
            raise ValueError('"from" and "to" are the same; a window has to leave some of the week free')
        ends += 7 * DAY if ends <= first.after else timedelta()
        return Recurring(self.name, frozenset({first.day}), first.after, ends, where)

    def _once(self, first: Dated, last: Dated, where: ZoneInfo) -> Once:
        self._no_days('"from" and "to" are dates')
        ends = last.at + DAY if last.whole_day else last.at
        if ends <= first.at:
            raise ValueError(f'"to" should be later than "from", which is {self.begins}')
        return Once(self.name, first.at, ends, where)

    def _no_days(self, why: str) -> None:
        if self.days:
            raise ValueError(f'leave "days" out: {why}')


class Freeze(WindowOfTime):
    """A time in which production stays as it is. `hotfix`: whether a hotfix may pass."""

    reason: Annotated[str, Field(max_length=300)] = ""
    hotfix: bool = False


class MigrationWindow(WindowOfTime):
    """A time in which a migration may keep others waiting."""

    name: Annotated[str, Field(min_length=1, max_length=80)] = "migrations"
