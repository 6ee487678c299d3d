"""From what was typed to a frozen command. Pure: nothing is looked up; where and when it was typed is given."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handlers import phrases
from handlers.flags_grammar import ShowFlags, SwitchFlag, parse_flags
from handlers.likeness import like_a_commit, like_a_version
from handlers.metrics_grammar import ShowMetrics, parse_metrics
from handlers.phrases import FreezePhrase, LockPhrase, Now, SchedulePhrase
from pipeline.errors import Refused
from pipeline.version import parse_version

LONGEST = 3000
"""Characters of a command that are read at all (a message's own limit)."""


@dataclass(frozen=True)
class StartRelease:
    version: str
    ref: str | None


@dataclass(frozen=True)
class Hotfix:
    """What is left out is asked for by a form."""

    version: str | None
    ref: str | None
    reason: str


@dataclass(frozen=True)
class Approve:
    pass


@dataclass(frozen=True)
class Reject:
    reason: str = ""


@dataclass(frozen=True)
class RollBack:
    reason: str = ""


@dataclass(frozen=True)
class Abort:
    reason: str


@dataclass(frozen=True)
class Retry:
    pass


@dataclass(frozen=True)
class Skip:
    stage: str
    reason: str


@dataclass(frozen=True)
class Pause:
    reason: str


@dataclass(frozen=True)
class Resume:
    pass


@dataclass(frozen=True)
class Unlock:
    """Without an environment: what is locked, production first."""

    environment: str | None = None


@dataclass(frozen=True)
class Unfreeze:
    pass


@dataclass(frozen=True)
class Schedule:
    """Without words: show what waits, and ask what is to be scheduled."""


@dataclass(frozen=True)
class Queue:
    """Without a version: show what waits."""

    version: str | None
    ref: str | None


@dataclass(frozen=True)
class Unschedule:
    version: str


@dataclass(frozen=True)
class ShowStatus:
    pass


@dataclass(frozen=True)
class ListReleases:
    pass


@dataclass(frozen=True)
class Plan:
    version: str
    ref: str | None


@dataclass(frozen=True)
class Show:
    version: str


@dataclass(frozen=True)
class Logs:
    """Without a name: say what there is. Without a version: of the release that was asked for last."""

    name: str | None
    version: str | None


@dataclass(frozen=True)
class Follow:
    """`how`: follow, mute or unfollow. Without a version the release that runs or is live."""

    how: str
    version: str | None


@dataclass(frozen=True)
class Help:
    pass


Typed = (
    StartRelease
    | Hotfix
    | Approve
    | Reject
    | RollBack
    | Abort
    | Retry
    | Skip
    | Pause
    | Resume
    | LockPhrase
    | Unlock
    | FreezePhrase
    | Unfreeze
    | Schedule
    | SchedulePhrase
    | Queue
    | Unschedule
    | ShowStatus
    | ListReleases
    | ShowMetrics
    | Plan
    | Show
    | Logs
    | Follow
    | ShowFlags
    | SwitchFlag
    | Help
)

WORDS: Mapping[str, Callable[[list[str]], Typed]] = {
    "hotfix": lambda rest: _hotfix(rest),
    "approve": lambda rest: Approve(),
    "reject": lambda rest: Reject(" ".join(rest)),
    "rollback": lambda rest: RollBack(" ".join(rest)),
    "abort": lambda rest: Abort(" ".join(rest)),
    "retry": lambda rest: Retry(),
    "skip": lambda rest: _skip(rest),
    "pause": lambda rest: Pause(" ".join(rest)),
    "resume": lambda rest: Resume(),
    "unlock": lambda rest: Unlock(phrases.environment(rest) if rest else None),
    "unfreeze": lambda rest: Unfreeze(),
    "queue": lambda rest: _queue(rest),
    "unschedule": lambda rest: _unschedule(rest),
    "status": lambda rest: ShowStatus(),
    "list": lambda rest: ListReleases(),
    "metrics": lambda rest: parse_metrics(rest),
    "plan": lambda rest: _plan(rest),
    "show": lambda rest: _show(rest),
    "logs": lambda rest: _logs(rest),
    "follow": lambda rest: Follow("follow", rest[0] if rest else None),
    "mute": lambda rest: Follow("mute", rest[0] if rest else None),
    "unfollow": lambda rest: Follow("unfollow", rest[0] if rest else None),
    "flags": lambda rest: parse_flags(" ".join(rest)),
    "help": lambda rest: Help(),
}
"""Each word after `/release`, and how what follows it is read."""

TIMED: Mapping[str, Callable[[list[str], Now], Typed]] = {
    "lock": lambda rest, now: _lock(rest, now),
    "freeze": lambda rest, now: phrases.freeze(rest, now),
    "schedule": lambda rest, now: _schedule(rest, now),
}
"""The same, where a time may follow."""


def parse_release(text: str, now: Now) -> Typed:
    """Read what follows `/release`. Raises Refused: what is missing or wrong in it."""
    words = text[:LONGEST].split()
    if not words:
        raise Refused("version_missing")
    first, rest = words[0], words[1:]
    if like_a_version(first):
        return _start(first, rest)
    if first.lower() in TIMED:
        return TIMED[first.lower()](rest, now)
    if first.lower() not in WORDS:
        raise _unknown(first)
    return WORDS[first.lower()](rest)


def _start(version: str, rest: list[str]) -> StartRelease:
    if len(rest) > 1:
        raise Refused("too_much", text=" ".join([version, *rest])[:80])
    return StartRelease(version, rest[0] if rest else None)


def _hotfix(rest: list[str]) -> Hotfix:
    """A commit is told from the reason by how it looks."""
    version, words = (rest[0], rest[1:]) if rest else (None, [])
    if words and like_a_commit(words[0]):
        return Hotfix(version, words[0], " ".join(words[1:]))
    return Hotfix(version, None, " ".join(words))


def _lock(rest: list[str], now: Now) -> LockPhrase:
    said = phrases.lock(rest, now)
    if not said.reason:
        raise Refused("lock_reason_missing")
    return said


def _schedule(rest: list[str], now: Now) -> Schedule | SchedulePhrase:
    if not rest:
        return Schedule()
    parse_version(rest[0])
    return phrases.schedule(rest, now)


def _plan(rest: list[str]) -> Plan:
    if not rest:
        raise Refused("version_missing", word="plan")
    started = _start(rest[0], rest[1:])
    return Plan(started.version, started.ref)


def _show(rest: list[str]) -> Show:
    if not rest:
        raise Refused("version_missing", word="show")
    return Show(rest[0])


def _logs(rest: list[str]) -> Logs:
    versions = [word for word in rest if like_a_version(word)]
    names = [word for word in rest if word not in versions]
    if len(versions) > 1 or len(names) > 1:
        raise Refused("too_much", text=" ".join(rest)[:80])
    return Logs(*[*names, None][:1], *[*versions, None][:1])


def _queue(rest: list[str]) -> Queue:
    if len(rest) > 2:
        raise Refused("too_much", text=" ".join(rest)[:80])
    return Queue(*[*rest, None, None][:2])


def _unschedule(rest: list[str]) -> Unschedule:
    if not rest:
        raise Refused("version_missing", word="unschedule")
    return Unschedule(rest[0])


def _skip(rest: list[str]) -> Skip:
    if len(rest) < 2:
        raise Refused("skip_incomplete")
    return Skip(rest[0].lower()[:40], " ".join(rest[1:]))


def _unknown(word: str) -> Refused:
    near = difflib.get_close_matches(word[:40].lower(), [*WORDS, *TIMED], n=2)
    return Refused("bad_command", text=word[:80], near=",".join(near))
