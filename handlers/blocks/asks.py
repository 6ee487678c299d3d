"""What is asked of people: the checklist, the approval, and decisions in production. Decided ones have no buttons."""

from typing import Any

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import parts
from handlers.blocks.card import changes_link, may_go_back, roll_back_button
from handlers.blocks.changes import change_rows, risk_lines, way_back, way_back_line
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.stages import outcome, sentence
from pipeline import policy
from pipeline.config import Product
from pipeline.models import ChecklistItem, StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

_OPEN = (StageStatus.WAITING, StageStatus.RUNNING)
MOST_ITEMS = 40
"""Items with a block of their own; Slack takes 50 blocks a message."""


def checklist(shown: Snapshot, phase: str) -> Message | None:
    """The checklist before or after production; None while it has no items."""
    items = [item for item in shown.items if item.phase == phase]
    run = shown.runs.get("checklist" if phase == "before" else "after")
    if not items or run is None:
        return None
    done = sum(item.done for item in items)
    headline = f"{phase} {words.title(shown.release)} — {done} of {len(items)} done"
    open_ = [words.safe(item.title, 150) for item in items if not item.done]
    waiting = run.status in _OPEN
    blocks = [
        parts.header(f"📋 Checklist {headline}"),
        parts.section(f"{words.person(shown.release.requested_by)}: {_needed(len(open_))}")
        if open_ and waiting
        else None,
        *[_item(shown, item, waiting) for item in _in_sight(items)],
        parts.context(
            *_more(items), "The bot ticks what it can prove, with the evidence; people tick the rest."
        ),
    ]
    text = f"Checklist. {headline[0].upper()}{headline[1:]}." + (
        f" Open: {', '.join(open_)}." if open_ else ""
    )
    return Message(
        parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks), in_thread=True, broadcast=bool(open_)
    )


def _needed(count: int) -> str:
    return "one item needs a person." if count == 1 else f"{count} items need a person."


def _in_sight(items: list[ChecklistItem]) -> list[ChecklistItem]:
    """The items with a block of their own, in their order. Of too many the open ones: they need their button."""
    first = sorted(items, key=lambda item: item.done)[:MOST_ITEMS]
    return [item for item in items if item in first]


def _more(items: list[ChecklistItem]) -> list[str]:
    still_open = sum(not item.done for item in items) - MOST_ITEMS
    next_ = f"; {still_open} open ones follow as these are ticked" if still_open > 0 else ""
    hidden = len(items) - MOST_ITEMS
    return [f"and {hidden} more{next_}"] if hidden > 0 else []


def _item(shown: Snapshot, item: ChecklistItem, waiting: bool) -> Any:
    title = words.safe(item.title, 150)
    if item.done:
        evidence = (
            sentence(item.evidence["code"], item.evidence["facts"]) if item.evidence else "ticked by hand"
        )
        who = f"{words.person(item.done_by)} {words.when(item.done_at)}"
        return parts.section(f"✅ *{title}*\n{who} · {evidence}")
    tick = parts.button(
        "Mark done", ids.TICK, ids.value(shown.release.id, item.id), means=f"Mark done: {item.title}"
    )
    note = "open · the bot could not prove it" if item.proof else "open"
    return parts.section(f"⬜ *{title}*\n{note}", accessory=tick if waiting else None)


def approval(shown: Snapshot, product: Product, run: StageRun) -> Message:
    """The request for the DRI's approval; once decided, who decided, when and on what."""
    return _approval_open(shown, product, run) if run.status in _OPEN else _approval_decided(shown, run)


def _approval_open(shown: Snapshot, product: Product, run: StageRun) -> Message:
    release = shown.release
    waiting_for = policy.mentions(product.people.approve)
    expires = run.facts.get("expires") or (run.started_at + product.approval_expires)
    voided = run.facts.get("voided", ())
    pressed = [a for a in shown.approvals if a.stage_run_id == run.id and a.id not in voided]
    blocks = [
        parts.header(f"🔐 Approve {words.title(release)} for production?"),
        parts.section(
            f"{waiting_for}: one approval is needed, not from {words.person(release.requested_by)}, who asked."
        ),
        parts.facts(**_tried(shown)),
        parts.section(f"*{len(shown.changes)} changes since {release.base_version or 'the beginning'}*"),
        change_rows(shown, product),
        *parts.lines(["*Risks*", *risk_lines(shown)], most=8),
        parts.section(f"*Way back*\n{way_back(shown)}"),
        parts.section(f"⏳ {words.person(pressed[-1].user)}: being recorded…")
        if pressed
        else _decide(shown, product, run),
        parts.context(_bound(shown), f"Expires {words.when(expires, '{date_short_pretty} {time}')}"),
    ]
    text = (
        f"Approval needed for {words.title(release)} to go to production. Asked by "
        f"{words.person(release.requested_by)}; {len(shown.changes)} changes; expires {words.plain_when(expires)}."
    )
    return Message(text, parts.as_dicts(blocks), in_thread=True, broadcast=True)


_CHECKS = {
    "test": "tests and lint",
    "evaluation": "evaluation",
    "staging-checks": "staging",
    "checklist": "checklist",
}


def _tried(shown: Snapshot) -> dict[str, str]:
    """What this very commit has passed, and where it can be looked at."""
    passed = [
        word for name, word in _CHECKS.items()
        if name in shown.runs and shown.runs[name].status is StageStatus.SUCCEEDED
        and not (name == "evaluation" and shown.overruled)
    ]  # fmt: skip
    staging = shown.runs.get("staging")
    url = staging.facts.get("url", "") if staging else ""
    return {"Passed": ", ".join(passed) or "nothing yet", "Staging": f"it runs at {url}" if url else "—"}


def _decide(shown: Snapshot, product: Product, run: StageRun) -> Any:
    value, title = ids.value(shown.release.id, run.id), words.title(shown.release)
    return parts.actions(
        "decide",
        parts.button("Approve…", ids.APPROVE, value, means=f"Approve {title}; opens a form", style="primary"),
        parts.button("Reject…", ids.REJECT, value, means=f"Reject {title}; asks for a reason"),
        changes_link(shown.release, product),
    )


def _bound(shown: Snapshot) -> str:
    digests = " ".join(f"{image.component} `{words.short(image.digest)}`" for image in shown.images)
    return (
        f"Bound to commit `{words.short(shown.release.commit)}`, {digests}, the migrations and the playbook"
    )


def _approval_decided(shown: Snapshot, run: StageRun) -> Message:
    title = words.title(shown.release)
    decision = next((a for a in reversed(shown.approvals) if a.stage_run_id == run.id), None)
    if run.status is StageStatus.CANCELLED or decision is None:
        return Message(f"The approval of {title} is not needed any more.", parts.as_dicts(
            [parts.section(f"🚫 *The approval of {title} is not needed any more.* {outcome(run)}")]
        ), in_thread=True)  # fmt: skip
    approved = decision.decision == "approve"
    mark, word = ("✅", "approved") if approved else ("⛔", "rejected")
    commit = f"commit `{words.short(shown.release.commit)}`"
    who = f"{words.person(decision.user)} {word} it {words.when(decision.at)} for {commit}."
    quote = "\n> " + words.safe(decision.note).replace("\n", "\n> ") if decision.note else ""
    blocks = [
        parts.header(f"{mark} {title} {word}"),
        parts.section(who + quote),
        parts.context(_bound(shown)),
    ]
    text = f"{title} was {word} for production by {words.person(decision.user)} at {words.plain_when(decision.at)}."
    return Message(text, parts.as_dicts(blocks), in_thread=True)


def decision(shown: Snapshot, run: StageRun) -> Message:
    """Something in production needs a person: what was found, and the ways on."""
    title, said, lines = words.title(shown.release), outcome(run), run.facts.get("lines")
    if run.status not in _OPEN:
        return _settled(shown, run)
    blocks = [
        parts.header(f"🙋 {title} needs a decision"),
        parts.section(f"{_concerned(shown)}: {_found(run) if lines else said}"),
        parts.fenced([words.safe(line, 200) for line in lines]) if lines else None,
        parts.actions(
            "decision",
            roll_back_button(shown.release, shown) if may_go_back(shown) else None,
            _way_on(shown, run),
        ),
        parts.context(
            f"Way back: {way_back_line(shown)}" if shown.release.production_touched else _UNTOUCHED
        ),
    ]
    return Message(
        f"{title} needs a decision: {said}", parts.as_dicts(blocks), in_thread=True, broadcast=True
    )


def _settled(shown: Snapshot, run: StageRun) -> Message:
    """What became of a question: the answer of a person, or the turn that the release took."""
    title, release = words.title(shown.release), shown.release
    by = words.person((release.turned or {}).get("actor"))
    if run.status is StageStatus.SUCCEEDED:
        mark, text = "✅", f"{title} goes on: {outcome(run)}."
    elif release.direction == "rollback":
        mark, text = "↩️", f"{title} does not stay: {by} rolled it back."
    else:
        mark, text = "🚫", f"{title} does not go on: {by} stopped it."
    return Message(text, parts.as_dicts([parts.section(f"{mark} *{text}*")]), in_thread=True)


def _concerned(shown: Snapshot) -> str:
    """Who asked and who approved: a mention notifies them, an edit of the card would not."""
    people = [shown.release.requested_by, *(a.user for a in shown.approvals if a.decision == "approve")]
    return ", ".join(words.person(user) for user in dict.fromkeys(people))


def _found(run: StageRun) -> str:
    count = run.facts.get("count", len(run.facts["lines"]))
    return f"{count} critical log line{'' if count == 1 else 's'} since all traffic went over."


_UNTOUCHED = "Production is as it was; `/release abort` stops this release."


def _way_on(shown: Snapshot, run: StageRun) -> ButtonElement:
    """The button that lets the release go on: try again, or decide that it may."""
    title, value = words.title(shown.release), ids.value(shown.release.id, run.id)
    if run.name == "publish" or run.code in ("trouble", "crashed"):
        return parts.button("Try again", ids.AGAIN, value, means="Try this step again")
    label, question = _KEEP.get(run.name, _KEEP["watch"])
    sure = parts.confirm(f"{label}?", f"{question} Your name is recorded.", label, "Not now")
    return parts.button(label, ids.KEEP, value, means=f"{label}: {title}", confirm=sure)


_KEEP = {
    "canary": ("Go on to everybody", "All traffic goes to the new version."),
    "watch": ("Keep it live", "The release goes on as if the watch had passed."),
}
