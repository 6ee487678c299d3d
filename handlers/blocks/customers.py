"""What customers are told: the draft with its buttons, the form to edit it, and the message itself."""

from typing import Any

from slack_sdk.models.blocks import DividerBlock, InputBlock, PlainTextInputElement

from handlers.blocks import parts
from handlers.blocks.forms import form
from handlers.blocks.parts import Message, Part
from handlers.text import ids, words
from handlers.text.language import spoken_in, tr, trn
from pipeline.config import Customers, Product
from pipeline.customers import LONGEST, Note, note
from pipeline.events import customers_post
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus

LANGUAGES = {"en": "English", "pt-BR": "Português"}
"""As those who speak them call them."""


def message(shown: Snapshot, product: Product, rest: str) -> Message | None:
    """The draft, or (`post:CHANNEL`) what customers read; None where there is nothing for them."""
    found, settings = note(shown, product), product.customers
    if found is None or settings is None:
        return None
    if rest != "draft":
        return told(shown, found)
    if found.sent_at is None and shown.release.status is not ReleaseStatus.SUCCEEDED:
        return _gone(shown)
    return _drafted(shown, settings, found)


def _gone(shown: Snapshot) -> Message:
    text = tr("Customers are told nothing of {title}: it went back.", title=words.title(shown.release))
    return Message(text, parts.as_dicts([parts.section(f"📣 {text}")]), in_thread=True)


def _drafted(shown: Snapshot, settings: Customers, found: Note) -> Message:
    title = words.title(shown.release)
    headline = (
        tr("Customers were told of {title}", title=title)
        if found.sent_at
        else tr("Draft for customers: {title}", title=title)
    )
    blocks = [
        parts.header(f"📣 {headline}"),
        *(part for language, text in found.texts.items() for part in _text(language, text)),
        *parts.lines([*_warnings(found), *_lost(shown, settings)]),
        parts.context(_said(settings, found)),
        None if found.sent_at else _buttons(shown, settings, found),
    ]
    text = parts.cut(f"{headline}. {_said(settings, found)}", parts.TEXT_LIMIT)
    return Message(text, parts.as_dicts(blocks), in_thread=True, broadcast=not found.sent_at)


def _text(language: str, text: str) -> list[Part]:
    return [parts.context(LANGUAGES[language]), *parts.lines(words.safe(text, LONGEST).split("\n"))]


def _warnings(found: Note) -> list[str]:
    return [
        "⚠️ "
        + trn(
            "{count} note is not translated into {language}; edit it before you send it.",
            "{count} notes are not translated into {language}; edit them before you send them.",
            count,
            language=LANGUAGES[language],
        )
        for language, count in found.untranslated.items()
    ]


def _lost(shown: Snapshot, settings: Customers) -> list[str]:
    """The channels that could not be told."""
    lost = {channel: shown.undelivered.get(customers_post(channel)) for channel in settings.channels}
    return [
        "❌ " + tr("It could not be posted in <#{channel}>: {why}", channel=channel, why=words.safe(why, 300))
        for channel, why in lost.items()
        if why
    ]


def _said(settings: Customers, found: Note) -> str:
    if found.sent_at:
        facts = {
            "who": words.person(found.sent_by),
            "time": words.when(found.sent_at, "{date_short_pretty} {time}"),
        }
        return tr("{who} sent it {time}, to {where}.", where=_where(settings), **facts)
    edited = tr("Edited by {who}.", who=words.person(found.edited_by)) + " " if found.edited_by else ""
    return edited + tr("Nothing is sent by itself. It would go to {where}.", where=_where(settings))


def _where(settings: Customers) -> str:
    channels = [f"<#{channel}>" for channel in settings.channels]
    counted = trn("{count} e-mail address", "{count} e-mail addresses", len(settings.to))
    return ", ".join([*channels, *([counted] if settings.to else [])])


def _buttons(shown: Snapshot, settings: Customers, found: Note) -> Part:
    value, title = ids.value(shown.release.id, found.seen), words.title(shown.release)
    sure = parts.confirm(
        tr("Tell customers?"),
        tr("It is sent once, as it stands here, and cannot be taken back."),
        tr("Send"),
        tr("Not yet"),
    )
    means = tr("Tell customers of {title}; asks once more", title=title)
    edit = tr("Edit what customers are told of {title}; opens a form", title=title)
    return parts.actions(
        "customers",
        parts.button(tr("Edit…"), ids.NOTE_EDIT, value, means=edit),
        parts.button(tr("Send…"), ids.NOTE_SEND, value, means=means, style="primary", confirm=sure),
    )


def edit(shown: Snapshot, found: Note) -> dict[str, Any]:
    """The form: a text for each language."""
    inputs = [
        InputBlock(
            block_id=f"note:{language}",
            label=parts.plain(LANGUAGES[language]),
            element=PlainTextInputElement(
                action_id=ids.INPUT, multiline=True, initial_value=text, max_length=LONGEST
            ),
        )
        for language, text in found.texts.items()
    ]
    blocks = [parts.section(tr("Customers read exactly this. It is sent with its own button.")), *inputs]
    hints = {"release": shown.release.id, "seen": found.seen}
    return form(ids.NOTE_FORM, tr("For customers"), tr("Keep"), tr("Cancel"), blocks, **hints)


def told(shown: Snapshot, found: Note) -> Message:
    """What customers read, in each language after the other."""
    blocks: list[Part] = []
    for language, text in found.texts.items():
        blocks += [*([DividerBlock()] if blocks else []), parts.header(f"📣 {headline(shown, language)}")]
        blocks += parts.lines(words.safe(text, LONGEST).split("\n"))
    said = "\n".join(
        f"{headline(shown, one)}\n{words.safe(text, LONGEST)}" for one, text in found.texts.items()
    )
    return Message(parts.cut_markup(said, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def headline(shown: Snapshot, language: str) -> str:
    """The headline that customers read in a language."""
    with spoken_in(language):
        return tr("What is new in {title}", title=words.title(shown.release))
