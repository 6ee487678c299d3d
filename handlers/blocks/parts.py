"""The small parts that the messages are made of, within Slack's limits (notes of each limit beside it)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from handlers.text import words
from handlers.text.language import tr, trn

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
LINES_LIMIT = SECTION_LIMIT - 40
"""Leaves room for the line that counts the rest."""
TEXT_LIMIT = 3900
"""Slack answers msg_too_long above 4,000 characters of `text`."""


@dataclass(frozen=True)
class Log:
    """Output that a command left behind, by its path in the release's folder: cleaned and redacted by the runner."""

    path: str


@dataclass(frozen=True)
class Picture:
    """A picture to be drawn of plain data when it is sent; `kind` names the module of handlers/pictures."""

    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Attachment:
    """A file that a message carries into the release's thread, sent once. See handlers/attachments.py.

    `name` has an ending, 40 characters at most, and is not twice in a message; `alt` says what a picture shows.
    """

    name: str
    title: str
    alt: str
    source: Log | Picture


@dataclass(frozen=True)
class Message:
    """A message: `text` carries the full meaning for notifications and screen readers."""

    text: str
    blocks: list[dict[str, Any]]
    in_thread: bool = False
    broadcast: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    files: tuple[Attachment, ...] = ()


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


Part = Block | dict[str, Any] | None
"""A block, by slack_sdk's model or as Slack's own JSON where the model is not there; None is left out."""


def as_dicts(blocks: Iterable[Part]) -> list[dict[str, Any]]:
    """The blocks as Slack takes them; absent ones are left out."""
    return [block if isinstance(block, dict) else block.to_dict() for block in blocks if block is not None]


_HALF = re.compile(r"(<[^<>]*|&\w{0,5})$")
"""A mention, date or escaped sign that a cut went through."""


def cut_markup(text: str, limit: int) -> str:
    return text if len(text) <= limit else _HALF.sub("", text[: limit - 1]) + "…"


def mrkdwn(text: str, limit: int = SECTION_LIMIT) -> MarkdownTextObject:
    return MarkdownTextObject(text=cut_markup(text, limit), verbatim=True)


def plain(text: str, limit: int = 75) -> PlainTextObject:
    return PlainTextObject(text=cut(text, limit))


def header(text: str) -> HeaderBlock:
    return HeaderBlock(text=PlainTextObject(text=cut(text, HEADER_LIMIT), emoji=True))


def section(text: str, accessory: ButtonElement | None = None) -> SectionBlock:
    return SectionBlock(text=mrkdwn(text), accessory=accessory)


def and_more(count: int) -> str:
    """The end of a list that was cut."""
    return trn("and {count} more", "and {count} more", count)


def lines(rows: Sequence[str], most: int = 20) -> list[SectionBlock]:
    """Rows of text in as many sections as Slack's 3,000 characters need, `most` of them; the rest is counted."""
    pages: list[list[str]] = [[]]
    for number, row in enumerate(rows):
        if sum(len(line) + 1 for line in pages[-1]) + len(row) > LINES_LIMIT:
            if len(pages) == most:
                pages[-1].append(f"_{and_more(len(rows) - number)}_")
                break
            pages.append([])
        pages[-1].append(cut_markup(row, LINES_LIMIT))
    return [section("\n".join(page)) for page in pages if page]


def fenced(rows: Sequence[str], before: str = "") -> SectionBlock:
    """Lines as they are, in a fence; what does not fit is left out at the top, where it matters least."""
    kept, room = list(rows), SECTION_LIMIT - len(before) - 10
    while sum(len(row) + 1 for row in kept) > room:
        del kept[0]
    return section(f"{before}```" + "\n".join(kept or [tr("(no output)")]) + "```")


MOST_LINES = 12
"""Last lines of a command's output that a message shows."""


def tail(name: str, output: Sequence[str]) -> SectionBlock:
    """The last lines of what a command said."""
    said = [words.safe(line, 180) for line in output[-MOST_LINES:]]
    return fenced(said, f"`{words.safe(name, 60)}`\n")


def logs(failed: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    """The whole output of commands that failed, as files."""
    return tuple(
        Attachment(
            f"{each['name'][:36]}.log", tr("Output of {name}", name=each["name"]), "", Log(each["log"])
        )
        for each in failed
        if each.get("log")
    )


def facts(named: Mapping[str, str]) -> SectionBlock:
    """Facts side by side: at most ten."""
    fields = [mrkdwn(f"*{name}*\n{fact}", FIELD_LIMIT) for name, fact in list(named.items())[:10]]
    return SectionBlock(fields=fields)


def context(*texts: str) -> ContextBlock:
    return ContextBlock(elements=[mrkdwn(text) for text in texts[:10]])


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    means: str,
    style: str | None = None,
    confirm: ConfirmObject | None = None,
) -> ButtonElement:
    """A verb; `means` is what a screen reader says (75 characters at most)."""
    return ButtonElement(
        text=plain(label, 30),
        action_id=action_id,
        value=cut(value, 2000),
        style=style,
        confirm=confirm,
        accessibility_label=cut(means, 75),
    )


def link(label: str, action_id: str, url: str, means: str) -> ButtonElement:
    return ButtonElement(
        text=plain(label, 30), action_id=action_id, url=url, accessibility_label=cut(means, 75)
    )


def confirm(title: str, text: str, yes: str, no: str) -> ConfirmObject:
    """A question before what can be undone (limits 100, 300, 30, 30)."""
    return ConfirmObject(
        title=plain(title, 100), text=plain(text, 300), confirm=plain(yes, 30), deny=plain(no, 30)
    )


def actions(block_id: str, *buttons: ButtonElement | None) -> ActionsBlock | None:
    present = [button for button in buttons if button is not None]
    return ActionsBlock(block_id=block_id, elements=present) if present else None


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Columns of plain text, the first to the left and the others to the right. One a message, 100 x 20 at most."""
    cells = [
        [{"type": "raw_text", "text": cut(cell, 100) or "—"} for cell in row] for row in (heading, *rows)
    ]
    settings = [{"is_wrapped": True}, *({"align": "right"} for _ in heading[1:])]
    return {"type": "table", "rows": cells[:100], "column_settings": settings}


def outside_list(rows: Sequence[Sequence[tuple[str, str | None]]]) -> dict[str, Any]:
    """A bullet list of outside text as rich text, where markup and mentions in it do nothing.

    Each row is runs of (text, url or None).
    """
    items = [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "link", "url": url, "text": text} if url else {"type": "text", "text": text or " "}
                for text, url in row
            ],
        }
        for row in rows
    ]
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_list", "style": "bullet", "elements": items}],
    }
