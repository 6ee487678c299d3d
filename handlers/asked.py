"""What a person can type, read: the frozen commands."""

from dataclasses import dataclass

from handlers.flags_grammar import ShowFlags, SwitchFlag
from handlers.metrics_grammar import ShowMetrics
from handlers.phrases import FreezePhrase, LockPhrase, SchedulePhrase


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
    """`version`: the one to leave or the one to go back to, as far as it was said."""

    reason: str = ""
    version: str | None = None


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
