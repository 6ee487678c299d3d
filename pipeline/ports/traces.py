"""Traces: what a release did and how long that took, for those who collect such things of all their programs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Span:
    """Something of a release that has ended; all spans of one release are one trace.

    `key` tells spans of a release apart: whoever tells of the same thing, after a kill or in another bot, gives it the
    same key. "" is the release itself, in which all the others are. `error` says what went wrong, "" when nothing did;
    `is_call`: it is a call of somebody else's service.
    """

    release: str
    key: str
    name: str
    begin: datetime
    end: datetime
    said: Mapping[str, str | int] = field(default_factory=dict)
    error: str = ""
    is_call: bool = False


Trace = Callable[[Span], None]
"""Takes a span to be sent some time, or to be lost: it never waits and never raises."""


def untraced(span: Span) -> None:
    """Nobody collects traces."""
