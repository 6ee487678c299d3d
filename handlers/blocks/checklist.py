"""The checklist: each item with its evidence or its button; people say what no machine can prove."""

from typing import Any

from slack_sdk.models.blocks import (
    InputBlock,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
    UserSelectElement,
)

from handlers.blocks import parts
from handlers.blocks.forms import form
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.language import mark, tr, trn
from handlers.text.stages import sentence
from pipeline.events import BOT
from pipeline.models import ChecklistItem
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

_OPEN = (StageStatus.WAITING, StageStatus.RUNNING)
HEADLINES = {
    "before": mark("Checklist before {title} — {done} of {total} done"),
    "after": mark("Checklist after {title} — {done} of {total} done"),
}
MOST_ITEMS = 40
"""Items with a block of their own; Slack takes 50 blocks a message."""
MOST_OPTIONS = 100
"""Slack takes 100 options in a select."""


def checklist(shown: Snapshot, phase: str) -> Message | None:
    """The checklist before or after production; None while it has no items."""
    items = [item for item in shown.items if item.phase == phase]
    run = shown.runs.get("checklist" if phase == "before" else "after")
    if not items or run is None:
        return None
    done = sum(item.done for item in items)
    facts = {"title": words.title(shown.release), "done": done, "total": len(items)}
    headline = tr(HEADLINES[phase], **facts)
    open_ = [item for item in items if not item.done]
    needed = [item for item in open_ if shown.needs(item)]
    waiting = run.status in _OPEN and bool(needed)  # with none it closes at once: that is the same message
    blocks = [
        parts.header(f"📋 {headline}"),
        parts.section(_needed(shown, needed)) if waiting else None,
        *[_item(shown, item, waiting) for item in _in_sight(items)],
        _further(shown, phase) if open_ and waiting else None,
        parts.context(
            *_more(items), tr("The bot ticks what it can prove, with the evidence; people tick the rest.")
        ),
    ]
    titles = ", ".join(words.safe(item.title, 150) for item in open_)
    text = f"{headline}." + (" " + tr("Open: {items}.", items=titles) if open_ else "")
    return Message(
        parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks), in_thread=True, broadcast=bool(needed)
    )


def _needed(shown: Snapshot, open_: list[ChecklistItem]) -> str:
    """Whom it concerns: who an item was given to, else who asked for the release."""
    asker = shown.release.requested_by
    people = list(dict.fromkeys(item.assignee or asker for item in open_))
    return trn(
        "{who}: one item needs a person.",
        "{who}: {count} items need a person.",
        len(open_),
        who=words.people(people),
    )


def _in_sight(items: list[ChecklistItem]) -> list[ChecklistItem]:
    """The items with a block of their own, in their order. Of too many the open ones: they need their button."""
    first = sorted(items, key=lambda item: item.done)[:MOST_ITEMS]
    return [item for item in items if item in first]


def _more(items: list[ChecklistItem]) -> list[str]:
    still_open = sum(not item.done for item in items) - MOST_ITEMS
    hidden = len(items) - MOST_ITEMS
    if hidden <= 0:
        return []
    follow = trn(
        "{count} open one follows as these are ticked",
        "{count} open ones follow as these are ticked",
        still_open,
    )
    return [f"{parts.and_more(hidden)}; {follow}" if still_open > 0 else parts.and_more(hidden)]


def _item(shown: Snapshot, item: ChecklistItem, waiting: bool) -> Any:
    title, value = words.safe(item.title, 150), ids.value(shown.release.id, item.id)
    evidence = sentence(item.evidence["code"], item.evidence["facts"]) if item.evidence else ""
    if item.done:
        who = f"{words.person(item.done_by)} {words.when(item.done_at)}"
        undo = parts.button(tr("Undo"), ids.UNTICK, value, means=tr("Open again: {item}", item=item.title))
        mine = waiting and item.done_by != BOT
        said = f"✅ *{title}*\n{who} · " + (evidence or tr("ticked by hand"))
        return parts.section(said, accessory=undo if mine else None)
    tick = parts.button(tr("Mark done"), ids.TICK, value, means=tr("Mark done: {item}", item=item.title))
    note = [tr("open · the bot could not prove it") if item.proof else tr("open")]
    note += [] if shown.needs(item) else [tr("optional")]
    note += [evidence] if evidence else []
    note += [words.person(item.assignee)] if item.assignee else []
    return parts.section(f"⬜ *{title}*\n{' · '.join(note)}", accessory=tick if waiting else None)


def _further(shown: Snapshot, phase: str) -> Any:
    value = ids.value(shown.release.id, phase)
    return parts.actions(
        "items",
        parts.button(
            tr("Not needed…"), ids.WAIVE, value, means=tr("Say why an item is not needed; opens a form")
        ),
        parts.button(tr("Give to…"), ids.ASSIGN, value, means=tr("Give an item to somebody; opens a form")),
    )


# ------------------------------------------------------------------------ forms


def waive(shown: Snapshot, phase: str) -> dict[str, Any]:
    """Which item is not needed, and why."""
    why = InputBlock(
        block_id=ids.REASON,
        label=parts.plain(tr("Why it is not needed")),
        hint=parts.plain(tr("Shown on the checklist, and kept with your name."), 150),
        element=PlainTextInputElement(action_id=ids.INPUT, multiline=True, max_length=500),
    )
    hints = {"release": shown.release.id}
    return form(
        ids.WAIVE_FORM, tr("Not needed"), tr("Not needed"), tr("Cancel"), [_which(shown, phase), why], **hints
    )


def assign(shown: Snapshot, phase: str) -> dict[str, Any]:
    """Which item is whose."""
    who = InputBlock(
        block_id=ids.PERSON,
        label=parts.plain(tr("Who")),
        hint=parts.plain(tr("Reminders of this item then go to them."), 150),
        element=UserSelectElement(action_id=ids.INPUT),
    )
    hints = {"release": shown.release.id}
    return form(
        ids.ASSIGN_FORM,
        tr("Give an item to"),
        tr("Give it"),
        tr("Cancel"),
        [_which(shown, phase), who],
        **hints,
    )


def _which(shown: Snapshot, phase: str) -> InputBlock:
    """The open items; each option is an item's number."""
    open_ = [item for item in shown.items if item.phase == phase and not item.done]
    options = [Option(text=parts.plain(item.title), value=str(item.id)) for item in open_[:MOST_OPTIONS]]
    select = StaticSelectElement(
        action_id=ids.INPUT, options=options, initial_option=options[0] if len(options) == 1 else None
    )
    return InputBlock(block_id=ids.ITEM, label=parts.plain(tr("Item")), element=select)
