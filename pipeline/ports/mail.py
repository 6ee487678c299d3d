"""E-mail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """What is written to people: one line of subject, the whole as plain text, and the same as HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Mail:
    """A letter on its way. `id` is its Message-ID (with the brackets), the same at every attempt; `to` is whom readers
    see that it went to, `recipients` who gets it now; `at` is the time of its sending, aware; `answers` is the
    Message-ID that it belongs to, or empty."""

    id: str
    to: tuple[str, ...]
    recipients: tuple[str, ...]
    letter: Letter
    at: datetime
    answers: str = ""


@dataclass(frozen=True)
class Posted:
    """What the server said of each recipient: `taken`, `refused` for good, or `later` (try again); with its words."""

    taken: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)


class Mailer(Protocol):
    """Hands e-mail to a server."""

    async def send(self, mail: Mail) -> Posted:
        """Hand it over for all its recipients. Raises MailRefusedError when the server wants it for nobody, at no time;
        MailError when the server cannot be reached or does not answer as it should: nobody knows then who has it."""
