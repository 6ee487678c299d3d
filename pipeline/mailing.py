"""Sends what the outbox has for e-mail: at least once, under a Message-ID that is the same at every attempt.

The release waits for none of it. A recipient that was reached, or refused for good, is left out of further attempts;
what went wrong is told in the release's thread. A kill between the server's answer and its being written down sends the
e-mail again: with its Message-ID it is recognised as the same one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pipeline.config import Product
from pipeline.config_email import Email
from pipeline.errors import MailError, MailRefusedError
from pipeline.events import Fact, record
from pipeline.mails import MailState, mail, trouble
from pipeline.models import Release
from pipeline.parcel import NeverSent, NotNow, Parcel, Sent
from pipeline.ports import Clock, Letter, Mail, Mailer, Posted
from pipeline.snapshot import Snapshot
from pipeline.store import Database

PATIENCE = timedelta(days=1)
"""How long a server that does not take an e-mail is tried again."""

FOR_CUSTOMERS = mail("customers")

Write = Callable[[str, Snapshot, Product], Awaitable[Letter | None]]
"""Writes the letter of a topic, in the product's language; None when there is nothing to tell."""


@dataclass
class Mailing:
    """Sends parcels by e-mail (the outbox's Sender). `mailer` is a product's, or None where it has none."""

    db: Database
    product: Callable[[str], Product]
    mailer: Callable[[str], Mailer | None]
    write: Write
    redact: Callable[[str], str]
    clock: Clock

    async def send(self, parcel: Parcel) -> Sent | None:
        """Hand the e-mail over for those who have not got it. Raises NotNow, NeverSent."""
        product, mailer, shown = self.product(parcel.product), self.mailer(parcel.product), parcel.shown
        if mailer is None or product.email is None or not isinstance(shown, Snapshot):
            return None
        state = shown.mails.get(parcel.topic, MailState())
        to = _recipients(parcel.topic, product)
        left = tuple(address for address in to if address not in state.ended)
        letter = await self.write(parcel.topic, shown, product) if left else None
        if letter is not None:
            await self._send(
                parcel, mailer, state, self._addressed(parcel.topic, shown, product.email, left, letter)
            )
        return None

    def _addressed(
        self, topic: str, shown: Snapshot, email: Email, left: tuple[str, ...], letter: Letter
    ) -> Mail:
        clean = Letter(*map(self.redact, (letter.subject, letter.text, letter.html)))
        first = message_id(shown.release.id, mail("announcement"), email.sender)
        mine = message_id(shown.release.id, topic, email.sender)
        if topic == FOR_CUSTOMERS:  # they see neither each other nor the team's e-mails
            return Mail(mine, (), left, clean, self.clock())
        answers = first if shown.mails.get(mail("announcement")) and mine != first else ""
        return Mail(mine, email.to, left, clean, self.clock(), answers)

    async def _send(self, parcel: Parcel, mailer: Mailer, state: MailState, made: Mail) -> None:
        parcel.guard()
        try:
            posted = await mailer.send(made)
        except MailRefusedError as refused:
            await self._give_up(parcel, self.redact(str(refused)))
        except MailError as error:
            await self._put_off(parcel, state, self.redact(str(error)))
        else:
            await self._took(parcel, state, posted)

    async def _took(self, parcel: Parcel, state: MailState, posted: Posted) -> None:
        told = (trouble(parcel.topic),)
        facts = [_fact("mail_sent", parcel, told if state.delayed else (), to=list(posted.taken))]
        if posted.refused:
            refused = {who: self.redact(why) for who, why in posted.refused.items()}
            facts.append(_fact("mail_refused", parcel, told, refused=refused))
        await self._record(parcel, facts if posted.taken else facts[1:])
        if posted.later:
            await self._put_off(parcel, state, self.redact("; ".join(posted.later.values())))

    async def _put_off(self, parcel: Parcel, state: MailState, why: str) -> None:
        """Tell that it is late, once, and try again; after a day it is given up."""
        if not state.delayed:
            await self._record(parcel, [_fact("mail_delayed", parcel, (trouble(parcel.topic),), why=why)])
        elif state.since and self.clock() - state.since >= PATIENCE:
            await self._give_up(parcel, why)
        raise NotNow(None, why)

    async def _give_up(self, parcel: Parcel, why: str) -> None:
        await self._record(parcel, [_fact("mail_given_up", parcel, (trouble(parcel.topic),), why=why)])
        raise NeverSent(why)

    async def _record(self, parcel: Parcel, facts: list[Fact]) -> None:
        async with self.db.transaction() as session:
            await record(session, await session.get_one(Release, parcel.about), facts, self.clock())


def _fact(kind: str, parcel: Parcel, topics: tuple[str, ...], **said: Any) -> Fact:
    return Fact(kind, payload={"topic": parcel.topic, **said}, topics=topics)


def _recipients(topic: str, product: Product) -> tuple[str, ...]:
    if topic == FOR_CUSTOMERS:
        return product.customers.to if product.customers else ()
    return product.email.to if product.email else ()


def message_id(release_id: str, topic: str, sender: str) -> str:
    """The Message-ID of a release's e-mail: of the release and what it is about, so that no other one has it."""
    about = topic.partition(":")[2].replace(":", ".")
    return f"<{release_id}.{about}@{sender.partition('@')[2]}>"
