"""What went wrong with an e-mail, and what became of it: told in the release's thread."""

from handlers.blocks import parts
from handlers.blocks.parts import Message
from handlers.text import words
from handlers.text.language import tr
from pipeline.mails import MailState, mail
from pipeline.snapshot import Snapshot


def trouble(shown: Snapshot, about: str) -> Message | None:
    """The state of an e-mail that did not simply arrive; None when nothing is known of it."""
    state = shown.mails.get(mail(about))
    if state is None:
        return None
    title, rows = words.title(shown.release), _rows(state)
    headline = tr("The e-mail about {title}", title=title)
    text = f"{headline}: " + " ".join(rows)
    return Message(
        parts.cut(text, parts.TEXT_LIMIT),
        parts.as_dicts(parts.lines([f"✉️ *{headline}*", *rows])),
        in_thread=True,
    )


def _rows(state: MailState) -> list[str]:
    return [*_delay(state), *(_refused(address, why) for address, why in state.refused.items())]


def _delay(state: MailState) -> list[str]:
    """That it could not be sent, and how that went on. The release waits for none of it."""
    why = words.safe(state.given_up or state.delayed, 300).rstrip(".")
    if state.given_up:
        return [tr("It was not sent, and is not tried again: {why}. Tell people yourself.", why=why)]
    if state.delayed and state.sent:
        facts = {"since": words.when(state.since), "at": words.when(state.sent)}
        return [tr("It could not be sent at {since} ({why}), and was sent at {at}.", why=why, **facts)]
    if state.delayed:
        return [
            tr("It could not be sent yet: {why}. It is tried again for a day; the release goes on.", why=why)
        ]
    return []


def _refused(address: str, why: str) -> str:
    return tr(
        "The server refused the recipient {address}: {why}. Correct `email.to` in bot.toml.",
        address=words.safe(address, 100),
        why=words.safe(why, 300).rstrip("."),
    )
