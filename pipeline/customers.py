"""What customers are told of a release: a draft of its changes' notes, which a person edits and sends. Never by itself.

`Customer-Note:` in a commit's message is English, `Customer-Note-pt-BR:` another language. Edits and the sending are
events of the release; the sending locks the release's row, so that it happens once whoever presses how often.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import inbox, snapshot
from pipeline.changes import Change
from pipeline.config import Customers, Product
from pipeline.deciding import may
from pipeline.errors import Refused
from pipeline.events import CUSTOMERS, Fact, customers_post, record, tell_elsewhere
from pipeline.mails import mail
from pipeline.models import Release
from pipeline.plain import plain_lines
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus

LONGEST = 2500
"""Characters of the text in one language."""


@dataclass(frozen=True)
class Note:
    """The texts by language, as they would be sent now; `untranslated` counts, by language, the changes that have no
    note in it (theirs is taken in another). `sent_at` is None until a person has sent it."""

    texts: Mapping[str, str]
    untranslated: Mapping[str, int]
    edited_by: str = ""
    sent_by: str = ""
    sent_at: datetime | None = None

    @property
    def seen(self) -> str:
        """What a person has looked at who presses a button: another text has another one."""
        return hashlib.sha256(json.dumps(dict(self.texts), sort_keys=True).encode()).hexdigest()[:16]


def note(shown: Snapshot, product: Product) -> Note | None:
    """The note of a release; None where nothing is configured, or nothing in it is for customers."""
    settings = product.customers
    if settings is None:
        return None
    drafted = draft(shown.changes, settings.languages or (product.language,))
    for event in shown.notes:
        texts, who = event.payload["texts"], event.actor
        if event.kind == "customer_note_edited":
            drafted = Note(texts, {}, edited_by=who)
        else:
            drafted = Note(texts, {}, drafted.edited_by if drafted else "", who, event.at)
    return drafted


def draft(changes: Sequence[Change], languages: Sequence[str]) -> Note | None:
    """The notes of the changes, oldest first, one line each."""
    told = [change.customer_notes for change in reversed(changes) if change.customer_notes]
    if not told:
        return None
    texts = {language: _listed(_in(notes, language) for notes in told) for language in languages}
    missing = {language: sum(language.lower() not in notes for notes in told) for language in languages}
    return Note(texts, {language: count for language, count in missing.items() if count})


def _in(notes: Mapping[str, str], language: str) -> str:
    return notes.get(language.lower()) or notes.get(language.split("-")[0]) or next(iter(notes.values()))


def _listed(notes: Iterable[str]) -> str:
    lines = dict.fromkeys(f"• {' '.join(note.split())}" for note in notes)
    return plain_lines("\n".join(lines), LONGEST)


def texts_of(fields: Mapping[str, object], settings: Customers, product: Product) -> dict[str, str]:
    """The texts that a form holds, by language, made harmless. Raises Refused when one is empty."""
    languages: Sequence[str] = settings.languages or (product.language,)
    texts = {one: plain_lines(str(fields.get(f"note:{one}") or ""), LONGEST) for one in languages}
    if empty := [one for one, text in texts.items() if not text.strip()]:
        raise Refused("note_empty", language=empty[0])
    return texts


async def open_note(service: Service, actor: Actor, release_id: str, seen: str) -> tuple[Snapshot, Note]:
    """The note that this person may edit or send now, as they have seen it. Raises Refused."""
    async with service.db.reading() as session:
        found = await snapshot.load(session, release_id, with_told=True)
    if found is None:
        raise Refused("unknown_release", release=release_id[:40])
    await may(service, actor, "announce", found)
    return found, _may_be_sent(found, service.product(found.release.product), seen)


def _may_be_sent(found: Snapshot, product: Product, seen: str) -> Note:
    here, release = note(found, product), found.release
    if here is None:
        raise Refused("out_of_date", version=release.version)
    if here.sent_at is not None:
        raise Refused("note_sent", by=here.sent_by, version=release.version)
    if release.status is not ReleaseStatus.SUCCEEDED:
        raise Refused("note_not_live", version=release.version)
    if here.seen != seen:
        raise Refused("out_of_date", version=release.version)
    return here


async def edit(
    service: Service, actor: Actor, release_id: str, seen: str, fields: Mapping[str, object], origin: str
) -> None:
    """Put other texts in the draft's place. Raises Refused."""
    found, _ = await open_note(service, actor, release_id, seen)
    product = service.product(found.release.product)
    assert product.customers is not None
    texts = texts_of(fields, product.customers, product)
    await _say(
        service,
        actor,
        release_id,
        seen,
        Fact.by(actor, "customer_note_edited", {"texts": texts}, (CUSTOMERS,)),
        origin,
    )


async def send(service: Service, actor: Actor, release_id: str, seen: str, origin: str) -> None:
    """Have the note told to customers, once. Raises Refused."""
    found, here = await open_note(service, actor, release_id, seen)
    product = service.product(found.release.product)
    settings = product.customers
    assert settings is not None
    topics = (CUSTOMERS, *((mail("customers"),) if settings.to else ()))
    fact = Fact.by(actor, "customer_note_sent", {"texts": dict(here.texts)}, topics)
    await _say(service, actor, release_id, seen, fact, origin, settings.channels)


async def _say(
    service: Service,
    actor: Actor,
    release_id: str,
    seen: str,
    fact: Fact,
    origin: str,
    channels: Sequence[str] = (),
) -> None:
    """Record it, with the release's row locked and everything looked at again."""
    async with service.db.transaction() as session:
        release = await session.get_one(Release, release_id, with_for_update=True)
        if not await inbox.once(session, origin, service.clock()):
            return
        await _look_again(session, release_id, service.product(release.product), seen)
        await record(session, release, [fact], service.clock())
        for channel in channels:
            await tell_elsewhere(session, release_id, customers_post(channel), channel, service.clock())
    service.nudge(release_id)


async def _look_again(session: AsyncSession, release_id: str, product: Product, seen: str) -> None:
    found = await snapshot.load(session, release_id, with_told=True)
    if found is not None:
        _may_be_sent(found, product, seen)
