"""What the outbox hands to the sender of a chat platform, and what it may answer."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.lease import suspended_clock
from pipeline.models import Event
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
