"""The forms (modals). `private_metadata` carries hints; state is looked up when one is submitted."""

import json
from typing import Any

from slack_sdk.models.blocks import CheckboxesElement, InputBlock, Option, PlainTextInputElement

from handlers.blocks import parts
from handlers.blocks.changes import change_rows, risk_lines, way_back
from handlers.text import evaluations, ids, words
from handlers.text.stages import sentence
from pipeline.config import Playbook
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.turning import WayBack

TITLE_LIMIT = 24
"""Slack's limit for a form's title and its buttons."""


def _form(
    callback: str, title: str, submit: str, close: str, blocks: list[Any], **hints: object
) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": parts.plain(title, TITLE_LIMIT).to_dict(),
        "submit": parts.plain(submit, TITLE_LIMIT).to_dict(),
        "close": parts.plain(close, TITLE_LIMIT).to_dict(),
        "private_metadata": json.dumps(hints),
        "blocks": parts.as_dicts(blocks),
    }


def _alert(text: str, level: str) -> dict[str, Any]:
    return {"type": "alert", "level": level, "text": parts.plain(text, 200).to_dict()}


def _reason(label: str, hint: str, optional: bool = False, block_id: str = ids.REASON) -> InputBlock:
    return InputBlock(
        block_id=block_id,
        label=parts.plain(label),
        hint=parts.plain(hint, 150),
        optional=optional,
        element=PlainTextInputElement(
            action_id=ids.INPUT, multiline=True, max_length=500, focus_on_load=not optional
        ),
    )


def approve(shown: Snapshot, run_id: int) -> dict[str, Any]:
    """What is approved, exactly, and that it was looked at."""
    release = shown.release
    seen = [("the changes and the risks", "changes"), ("the way back", "back")]
    boxes = CheckboxesElement(
        action_id=ids.INPUT, options=[Option(text=parts.plain(text), value=value) for text, value in seen]
    )
    images = [f"{image.component} `{words.short(image.digest)}`" for image in shown.images]
    blocks = [
        _alert(f"{release.version} goes to production at once: {_first_share(shown)}", "warning"),
        *parts.lines([f"*Commit* `{words.short(release.commit)}`", "*Images*", *(images or ["—"])]),
        parts.section(f"*{len(shown.changes)} changes since {release.base_version or 'the beginning'}*"),
        change_rows(shown),
        *parts.lines(["*Risks*", *risk_lines(shown)]),
        parts.section(f"*Way back*\n{way_back(shown)}"),
        InputBlock(block_id=ids.SEEN, label=parts.plain("I have looked at"), element=boxes),
        _reason("Note for the record", "Shown in the thread and kept.", optional=True, block_id=ids.NOTE),
    ]
    hints = {"release": release.id, "run": run_id}
    return _form(ids.APPROVE_FORM, f"Approve {release.version}", "Approve", "Cancel", blocks, **hints)


def _first_share(shown: Snapshot) -> str:
    """What the approval sets in motion."""
    steps = Playbook.model_validate(shown.release.playbook).canary.steps
    if shown.release.base_version is None or not steps:
        return "all traffic."
    return f"{' %, '.join(map(str, steps))} % of the traffic first, then all of it."


def reject(shown: Snapshot, run_id: int) -> dict[str, Any]:
    """The reason goes to who asked."""
    release = shown.release
    blocks = [
        _alert(f"This ends the release of {release.version}. Production stays as it is.", "warning"),
        _reason("Why", "The person who asked reads it."),
    ]
    hints = {"release": release.id, "run": run_id}
    return _form(ids.REJECT_FORM, f"Reject {release.version}", "Reject", "Cancel", blocks, **hints)


def overrule(shown: Snapshot, run: StageRun) -> dict[str, Any]:
    """What of an evaluation would be overruled, exactly; then the reason."""
    report, release = run.facts.get("report"), shown.release
    found = evaluations.findings(run.facts, 10) or [sentence(run.code, run.facts)]
    named = [evaluations.headline(report)] if isinstance(report, dict) else []
    blocks = [
        _alert(evaluations.WARNING, "error"),
        parts.section(f"*{words.title(release)}* · `{words.short(release.commit)}`"),
        *parts.lines([*(f"• {each}" for each in found), *named], most=4),
        _reason(evaluations.LABEL, evaluations.HINT),
    ]
    hints = {"release": release.id, "run": run.id, "seen": run.facts["seen"]}
    title, submit, close = evaluations.FORM
    return _form(ids.OVERRULE_FORM, title, submit, close, blocks, **hints)


def roll_back(back: WayBack) -> dict[str, Any]:
    """What going back means: versions, digests, the database; then the reason."""
    release, to = back.release, back.to
    speed = (
        "It is warm: traffic moves at once." if back.warm else "It is started again from its images first."
    )
    images = [f"{name} `{words.short(digest)}`" for name, digest in back.digests.items()]
    blocks = [
        _alert(f"Production goes from {release.version} back to {to.version}. {speed}", "error"),
        parts.facts(From=f"{release.version} (`{words.short(release.commit)}`)", To=to.version),
        *parts.lines([f"*Images of {to.version}*", *images]),
        *parts.lines(["*Database*", *_database(back)]),
        _undo(back),
        _reason("Why", "It goes into the announcement and stays on the lock."),
        parts.context("Afterwards production is locked until an approver unlocks it."),
    ]
    hints = {"release": release.id, "to": to.id}
    title = f"Roll back {release.product}"
    return _form(ids.ROLLBACK_FORM, title, "Roll back", f"Keep {release.version}", blocks, **hints)


def _database(back: WayBack) -> list[str]:
    if not back.revisions:
        return ["No migration belongs to this release; the data stays as it is."]
    named = [f"• `{words.safe(r['revision'], 40)}` {words.safe(r['title'], 100)}" for r in back.revisions]
    if back.undoable:
        undone = "It can be undone: a backup is written first, then its downgrade runs."
        return [*named, f"{undone} What only the new schema can hold is then in the backup alone."]
    return [*named, f"It cannot be undone safely: the schema stays, {back.to.version} runs on it."]


def _undo(back: WayBack) -> InputBlock | None:
    if not back.undoable:
        return None
    undo = Option(text=parts.plain("Undo it, after a backup"), value="undo")
    boxes = CheckboxesElement(action_id=ids.INPUT, options=[undo], initial_options=[undo])
    return InputBlock(block_id=ids.UNDO, label=parts.plain("Migration"), element=boxes, optional=True)
