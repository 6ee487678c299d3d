"""What people are told again, or alone: that they are needed, and what became of a release that they follow."""

from dataclasses import replace
from typing import Any

from handlers.blocks import approval, asks, checklist, parts
from handlers.blocks.parts import Message
from handlers.text import words
from handlers.text.language import mark, tr
from pipeline.config import Product
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

WANTED = {
    "approval": mark("{who}: {title} has waited for your approval since {time}."),
    "checklist": mark("{who}: the checklist before {title} has waited for you since {time}."),
    "after": mark("{who}: the checklist after {title} has waited for you since {time}."),
}
DECISION = mark("{who}: {title} has waited for your decision since {time}.")
ABOVE = mark("{who}: nobody has answered so far; you are told by the rules of this product.")


def reminder(shown: Snapshot, run: StageRun) -> Message | None:
    """A new message in the thread, for an edit notifies nobody; once answered it says so."""
    told, title = run.reminder or {}, words.title(shown.release)
    if run.status is not StageStatus.WAITING or run.asked_at is None:
        text = tr("{title}: this has been answered.", title=title)
        return Message(text, parts.as_dicts([parts.context(f"✅ {text}")]), in_thread=True)
    shown_at, plain_at = (
        words.when(run.asked_at, "{date_short_pretty} {time}"),
        words.plain_when(run.asked_at),
    )
    rows = [f"🔔 {line}" for line in _lines(run, told, title, shown_at)]
    if not rows:
        return None
    text = " ".join(_lines(run, told, title, plain_at))
    return Message(text, parts.as_dicts(parts.lines(rows)), in_thread=True, broadcast=bool(told.get("above")))


def _lines(run: StageRun, told: dict[str, Any], title: str, time: str) -> list[str]:
    """Who is told what; the people above only when there are any."""
    said = ((told.get("people"), WANTED.get(run.name, DECISION)), (told.get("above"), ABOVE))
    return [
        tr(sentence, who=words.people(names), title=title, time=time) for names, sentence in said if names
    ]


NEWS = {
    "production_touched": mark("The first users get {title}."),
    "release_succeeded": mark("{title} is live, and its watch is over."),
    "release_failed": mark("{title} failed."),
    "release_cancelled": mark("{title} was stopped."),
    "rollback_started": mark("{title} is being rolled back."),
    "release_rolled_back": mark("{title} was rolled back."),
}


def alone(shown: Snapshot, product: Product, about: str) -> Message | None:
    """What one person is told: a request that the channel cannot show, or what became of a release."""
    kind, _, number = about.partition(":")
    if kind == "request":
        run = shown.run_by_id(int(number))
        message = _request(shown, product, run) if run else None
        return replace(message, in_thread=False, broadcast=False) if message else None
    if kind not in NEWS:
        return None
    title = words.title(shown.release)
    text = tr(NEWS[kind], title=title)
    where = tr("You follow it; see {channel}.", channel=f"<#{shown.release.channel}>")
    return Message(text, parts.as_dicts([parts.section(words.bold(text)), parts.context(where)]))


def _request(shown: Snapshot, product: Product, run: StageRun) -> Message | None:
    if run.name == "approval":
        return approval.approval(shown, product, run)
    if run.name in ("checklist", "after"):
        return checklist.checklist(shown, "before" if run.name == "checklist" else "after")
    return asks.decision(shown, run)
