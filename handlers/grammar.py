"""From what was typed to a frozen command. Pure: nothing is looked up; where and when it was typed is given."""

import difflib
from collections.abc import Callable, Mapping
from contextlib import suppress

from handlers import asked, phrases
from handlers.flags_grammar import parse_flags
from handlers.likeness import like_a_commit, like_a_version
from handlers.metrics_grammar import parse_metrics
from handlers.phrases import LockPhrase, Now, SchedulePhrase
from pipeline.errors import Refused
from pipeline.version import parse_version

LONGEST = 3000
"""Characters of a command that are read at all (a message's own limit)."""


WORDS: Mapping[str, Callable[[list[str]], asked.Typed]] = {
    "hotfix": lambda rest: _hotfix(rest),
    "approve": lambda rest: asked.Approve(),
    "reject": lambda rest: asked.Reject(" ".join(rest)),
    "rollback": lambda rest: rollback(rest),
    "abort": lambda rest: asked.Abort(" ".join(rest)),
    "retry": lambda rest: asked.Retry(),
    "skip": lambda rest: _skip(rest),
    "pause": lambda rest: asked.Pause(" ".join(rest)),
    "resume": lambda rest: asked.Resume(),
    "unlock": lambda rest: asked.Unlock(phrases.environment(rest) if rest else None),
    "unfreeze": lambda rest: asked.Unfreeze(),
    "queue": lambda rest: _queue(rest),
    "unschedule": lambda rest: _unschedule(rest),
    "status": lambda rest: asked.ShowStatus(),
    "list": lambda rest: asked.ListReleases(),
    "metrics": lambda rest: parse_metrics(rest),
    "plan": lambda rest: _plan(rest),
    "show": lambda rest: _show(rest),
    "logs": lambda rest: _logs(rest),
    "follow": lambda rest: asked.Follow("follow", rest[0] if rest else None),
    "mute": lambda rest: asked.Follow("mute", rest[0] if rest else None),
    "unfollow": lambda rest: asked.Follow("unfollow", rest[0] if rest else None),
    "flags": lambda rest: parse_flags(" ".join(rest)),
    "help": lambda rest: asked.Help(),
}
"""Each word after `/release`, and how what follows it is read."""

TIMED: Mapping[str, Callable[[list[str], Now], asked.Typed]] = {
    "lock": lambda rest, now: _lock(rest, now),
    "freeze": lambda rest, now: phrases.freeze(rest, now),
    "schedule": lambda rest, now: _schedule(rest, now),
}
"""The same, where a time may follow."""


def parse_release(text: str, now: Now) -> asked.Typed:
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


def rollback(rest: list[str]) -> asked.RollBack:
    """A version first, if any; everything else is the reason."""
    with suppress(Refused):
        return asked.RollBack(" ".join(rest[1:]), parse_version(rest[0] if rest else "").tag)
    return asked.RollBack(" ".join(rest))


def _start(version: str, rest: list[str]) -> asked.StartRelease:
    if len(rest) > 1:
        raise Refused("too_much", text=" ".join([version, *rest])[:80])
    return asked.StartRelease(version, rest[0] if rest else None)


def _hotfix(rest: list[str]) -> asked.Hotfix:
    """A commit is told from the reason by how it looks."""
    version, words = (rest[0], rest[1:]) if rest else (None, [])
    if words and like_a_commit(words[0]):
        return asked.Hotfix(version, words[0], " ".join(words[1:]))
    return asked.Hotfix(version, None, " ".join(words))


def _lock(rest: list[str], now: Now) -> LockPhrase:
    said = phrases.lock(rest, now)
    if not said.reason:
        raise Refused("lock_reason_missing")
    return said


def _schedule(rest: list[str], now: Now) -> asked.Schedule | SchedulePhrase:
    if not rest:
        return asked.Schedule()
    parse_version(rest[0])
    return phrases.schedule(rest, now)


def _plan(rest: list[str]) -> asked.Plan:
    if not rest:
        raise Refused("version_missing", word="plan")
    started = _start(rest[0], rest[1:])
    return asked.Plan(started.version, started.ref)


def _show(rest: list[str]) -> asked.Show:
    if not rest:
        raise Refused("version_missing", word="show")
    return asked.Show(rest[0])


def _logs(rest: list[str]) -> asked.Logs:
    versions = [word for word in rest if like_a_version(word)]
    names = [word for word in rest if word not in versions]
    if len(versions) > 1 or len(names) > 1:
        raise Refused("too_much", text=" ".join(rest)[:80])
    return asked.Logs(*[*names, None][:1], *[*versions, None][:1])


def _queue(rest: list[str]) -> asked.Queue:
    if len(rest) > 2:
        raise Refused("too_much", text=" ".join(rest)[:80])
    return asked.Queue(*[*rest, None, None][:2])


def _unschedule(rest: list[str]) -> asked.Unschedule:
    if not rest:
        raise Refused("version_missing", word="unschedule")
    return asked.Unschedule(rest[0])


def _skip(rest: list[str]) -> asked.Skip:
    if len(rest) < 2:
        raise Refused("skip_incomplete")
    return asked.Skip(rest[0].lower()[:40], " ".join(rest[1:]))


def _unknown(word: str) -> Refused:
    near = difflib.get_close_matches(word[:40].lower(), [*WORDS, *TIMED], n=2)
    return Refused("bad_command", text=word[:80], near=",".join(near))
