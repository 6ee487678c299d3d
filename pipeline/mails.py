"""What became of a release's e-mails, as its events tell: what is sent, to whom, and what stands in the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.models import Event

MAIL = "mail"
"""The first word of a topic that is sent by e-mail."""
MAILED = "mailed"
"""The first word of the topic that tells, in the release's thread, what went wrong with an e-mail."""

KINDS = ("mail_sent", "mail_refused", "mail_delayed", "mail_given_up")


def mail(about: str) -> str:
    """The topic of an e-mail."""
    return f"{MAIL}:{about}"


def trouble(topic: str) -> str:
    """The topic that tells what went wrong with the e-mail of this topic."""
    return f"{MAILED}:{topic.removeprefix(f'{MAIL}:')}"


@dataclass(frozen=True)
class MailState:
    """How far one e-mail got. `delayed` is why it could not be sent at first, at `since`; `sent` when it was."""

    taken: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    delayed: str = ""
    since: datetime | None = None
    sent: datetime | None = None
    given_up: str = ""

    @property
    def ended(self) -> frozenset[str]:
        """The recipients for whom nothing is left to be tried."""
        return self.taken | frozenset(self.refused)

    def then(self, event: Event) -> "MailState":
        """After a further event."""
        said = event.payload
        match event.kind:
            case "mail_sent":
                return replace(self, taken=self.taken | frozenset(said["to"]), sent=event.at, given_up="")
            case "mail_refused":
                return replace(self, refused={**self.refused, **said["refused"]})
            case "mail_delayed":
                return replace(self, delayed=said["why"], since=event.at, sent=None)
            case _:
                return replace(self, given_up=said["why"])


async def load(session: AsyncSession, release_id: str) -> dict[str, MailState]:
    """A release's e-mails by topic."""
    of_mails = (Event.release_id == release_id, Event.kind.in_(KINDS))
    return states(await session.scalars(select(Event).where(*of_mails).order_by(Event.id)))


def states(events: Iterable[Event]) -> dict[str, MailState]:
    """The same of events in their order."""
    found: dict[str, MailState] = {}
    for event in events:
        topic = event.payload["topic"]
        found[topic] = found.get(topic, MailState()).then(event)
    return found
