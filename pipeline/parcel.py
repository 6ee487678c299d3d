"""What the outbox hands to the sender of a chat platform, and what it may answer."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.lease import suspended_clock
from pipeline.snapshot import Snapshot


@dataclass(frozen=True)
class Parcel:
    """A message to be sent or edited, with the state it is to show.

    `in_doubt`: an earlier attempt was not seen to end, so that nobody knows what the platform has. `sent` is the
    event that was shown last, by whichever bot; `deadline` is when the lease ends (see pipeline.lease).
    """

    id: int
    topic: str
    snapshot: Snapshot
    channel: str | None
    ts: str | None
    card_ts: str | None
    in_doubt: bool
    wanted: int
    sent: int
    deadline: float

    def guard(self) -> None:
        """Call right before posting. Raises TimeoutError when another bot may be sending it by now."""
        if suspended_clock() >= self.deadline:
            raise TimeoutError(f"{self.topic}: the lease ran out before it was sent")


@dataclass(frozen=True)
class Sent:
    """Where a message stands now."""

    channel: str
    ts: str


@dataclass
class NotNow(Exception):  # noqa: N818 - a pause, not an error
    """The platform cannot take it now; try again in `seconds`. `everybody`: it takes no call of this kind."""

    seconds: float
    why: str
    everybody: bool = False


@dataclass
class NeverSent(Exception):  # noqa: N818 - a defined end, not an error
    """The message cannot be delivered at all; `why` is kept and logged."""

    why: str


class Sender(Protocol):
    async def send(self, parcel: Parcel) -> Sent | None:
        """Post or edit. None when there is nothing to show for the topic. Raises NotNow or NeverSent."""
