"""What the outbox hands to the sender of a chat platform, and what it may answer.

A message may carry files. Each is a delivery of its own, beside its message's, so that it is sent once, tried again
and given up by the same rules, and that a file which does not arrive holds up nothing. It has the topic of its
message and its name: `file_topic`. The sender says with `Sent.files` which files a message carries.
"""

from dataclasses import dataclass
from typing import Protocol

from pipeline.lease import suspended_clock
from pipeline.models import Event, Release
from pipeline.snapshot import Snapshot


@dataclass(frozen=True)
class Parcel:
    """A message to be sent or edited, with the state it is to show: a release's, or a fact of the product itself.

    `in_doubt`: an earlier attempt was not seen to end, so that nobody knows what the platform has. `sent` is the
    event that was shown last, by whichever bot; `deadline` is when the lease ends (see pipeline.lease).
    """

    id: int
    topic: str
    shown: Snapshot | Event
    channel: str | None
    ts: str | None
    card_ts: str | None
    in_doubt: bool
    wanted: int
    sent: int
    deadline: float

    @property
    def product(self) -> str:
        """The product that it is about."""
        return self.shown.release.product if isinstance(self.shown, Snapshot) else self.shown.product

    @property
    def release(self) -> Release:
        """The release that it is about. Raises TypeError for a fact of the product itself: those carry no files."""
        if not isinstance(self.shown, Snapshot):
            raise TypeError(f"{self.topic} is about no release")
        return self.shown.release

    @property
    def about(self) -> str:
        """The release, or the product itself: of each, messages are sent one after the other."""
        return self.shown.release.id if isinstance(self.shown, Snapshot) else self.shown.product

    @property
    def home(self) -> str:
        """The channel where it stands or goes. A product's fact has one from the beginning."""
        first = self.shown.release.channel if isinstance(self.shown, Snapshot) else ""
        return self.channel or first

    def guard(self) -> None:
        """Call right before posting. Raises TimeoutError when another bot may be sending it by now."""
        if suspended_clock() >= self.deadline:
            raise TimeoutError(f"{self.topic}: the lease ran out before it was sent")

    @property
    def file(self) -> str | None:
        """The name of the file that is to be sent; None for a message."""
        return self.topic.partition(FILE)[2] or None

    @property
    def message_topic(self) -> str:
        """The topic of the message, or of the one that carries the file."""
        return self.topic.partition(FILE)[0]


FILE = "#"
"""Between a message's topic and the name of a file that it carries."""


def file_topic(topic: str, name: str) -> str:
    """The topic of a file of a message."""
    return f"{topic}{FILE}{name}"


@dataclass(frozen=True)
class Sent:
    """Where a message stands now, and the names of the files that it carries. Of a file, `ts` is the platform's id."""

    channel: str
    ts: str
    files: tuple[str, ...] = ()


@dataclass
class NotNow(Exception):  # noqa: N818 - a pause, not an error
    """The platform cannot take it now; try again in `seconds` (None: later each time). `everybody`: it takes no call
    of this kind."""

    seconds: float | None
    why: str
    everybody: bool = False


@dataclass
class NeverSent(Exception):  # noqa: N818 - a defined end, not an error
    """The message cannot be delivered at all; `why` is kept and logged."""

    why: str


class Sender(Protocol):
    async def send(self, parcel: Parcel) -> Sent | None:
        """Post or edit. None when there is nothing that could be edited later. Raises NotNow or NeverSent."""
