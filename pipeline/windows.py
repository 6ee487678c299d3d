"""Windows of time: recurring ones by a local clock, single ones by their dates. Pure.

A window is one unbroken stretch, from its beginning until just before its end. Where clocks are changed, a time that
the local clock shows twice means the first when a window begins and the second when it ends; one that it never shows
means the moment of the change. So a change makes a window longer rather than shorter.
"""

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=400)
"""How far is looked ahead: windows that together cover all of it have no end."""
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, order=True)
class Span:
    """One stretch of time, in UTC."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Recurring:
    """Begins on these days of the week (Monday is 0), at `begins` after midnight, and ends at `ends` after the same
    midnight: more than a day for one that goes on into another. At most a week long."""

    name: str
    days: frozenset[int]
    begins: timedelta
    ends: timedelta
    zone: ZoneInfo

    def spans(self, after: datetime) -> Iterator[Span]:
        """Its stretches in their order, without end, from the first that ends after a moment."""
        day = after.astimezone(self.zone).date() - self.ends - DAY
        while True:
            span = self._on(day)
            if day.weekday() in self.days and span.begins < span.ends and span.ends > after:
                yield span
            day += DAY

    def _on(self, day: date) -> Span:
        midnight = datetime.combine(day, time())
        return _span(midnight + self.begins, midnight + self.ends, self.zone)


@dataclass(frozen=True)
class Once:
    """Begins and ends once, at local times without a zone of their own."""

    name: str
    begins: datetime
    ends: datetime
    zone: ZoneInfo

    def spans(self, after: datetime) -> Iterator[Span]:
        """Its only stretch, unless that ended before."""
        span = _span(self.begins, self.ends, self.zone)
        if span.begins < span.ends and span.ends > after:
            yield span


Window = Recurring | Once


@dataclass(frozen=True)
class Windows:
    """Several windows together. Moments are aware datetimes; what is given back is in UTC."""

    every: tuple[Window, ...]

    def covering(self, at: datetime) -> tuple[Window, ...]:
        """Those that a moment is in."""
        return tuple(window for window in self.every if _is_in(window, at))

    def covers(self, at: datetime) -> bool:
        """Whether a moment is in any of them."""
        return any(_is_in(window, at) for window in self.every)

    def ends(self, at: datetime) -> datetime | None:
        """When it is over, whatever overlaps or follows at once; the moment itself where none covers it.

        None: they have no end.
        """
        until = at.astimezone(UTC)
        for span in self._spans(at):
            if span.begins > until:
                break
            if span.begins > at + HORIZON:
                return None
            until = max(until, span.ends)
        return until

    def next(self, at: datetime) -> datetime | None:
        """When the next one begins that is not a part of what covers the moment; None when there is none."""
        over = self.ends(at)
        later = (span.begins for span in self._spans(at) if over is not None and span.begins > over)
        return next(later, None) if over is not None else None

    def _spans(self, after: datetime) -> Iterator[Span]:
        """The stretches of all of them, by their beginnings."""
        return heapq.merge(*(window.spans(after) for window in self.every))


def _is_in(window: Window, at: datetime) -> bool:
    span = next(window.spans(at), None)
    return span is not None and span.begins <= at


def _span(begins: datetime, ends: datetime, zone: ZoneInfo) -> Span:
    return Span(instant(begins, zone), instant(ends, zone, last=True))


def instant(local: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """When the clocks of a zone show a local time, in UTC: the first time, or the last one where it comes twice.

    One that is left out by a change of the clocks means the moment of the change.
    """
    first, second = meant(local, zone)
    if first > second:
        return _change(second, first, local, zone)
    return second if last else first


def meant(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """What a local time may mean, in UTC: twice the same; or first and second of a time that comes twice; or in
    the other order for one that is left out (PEP 495)."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _change(before: datetime, after: datetime, local: datetime, zone: ZoneInfo) -> datetime:
    """The moment between two others at which the clocks jump over a local time."""

    def is_past(second: int) -> bool:
        return (before + second * SECOND).astimezone(zone).replace(tzinfo=None) > local

    return before + bisect_left(range((after - before) // SECOND), True, key=is_past) * SECOND
