"""The forms (modals). `private_metadata` carries hints; state is looked up when one is submitted."""

import json
from typing import Any

from slack_sdk.models.blocks import CheckboxesElement, InputBlock, Option, PlainTextInputElement

from handlers.blocks import parts
from handlers.blocks.changes import change_rows, changes_since, risk_lines, way_back
from handlers.text import evaluations, ids, migrations, words
from handlers.text.language import tr
from handlers.text.stages import sentence
from pipeline.config import Playbook
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.turning import WayBack

TITLE_LIMIT = 24
"""Slack's limit for a form's title and its buttons."""


def form(
    callback: str, title: str, submit: str, close: str, blocks: list[Any], **hints: object
) -> dict[str, Any]:
    """A form of ours; `hints` come back with it, as hints."""
    return {
        "type": "modal",
        "callback_id": callback,
        "title": parts.plain(title, TITLE_LIMIT).to_dict(),
        "submit": parts.plain(submit, TITLE_LIMIT).to_dict(),
        "close": parts.plain(close, TITLE_LIMIT).to_dict(),
        "private_metadata": json.dumps(hints),
        "blocks": parts.as_dicts(blocks),
    }


def waiting(instead: str = "") -> dict[str, Any]:
    """Stands where a form is still being looked up; `instead` says why there will be none."""
    view = form(ids.WAITING_FORM, tr("One moment…"), tr("Go on"), tr("Close"), [])
    del view["submit"]
    return view | {
        "blocks": parts.as_dicts([parts.section(words.safe(instead) or tr("I am looking it up."))])
    }


def alert(text: str, level: str) -> dict[str, Any]:
    """What is at stake, at the top of a form; `level` is warning or error."""
    return {"type": "alert", "level": level, "text": parts.plain(text, 200).to_dict()}


def reason(
    label: str, hint: str, optional: bool = False, block_id: str = ids.REASON, typed: str = ""
) -> InputBlock:
    """A field for a sentence or two, filled with what was `typed`."""
    return InputBlock(
        block_id=block_id,
        label=parts.plain(label),
        hint=parts.plain(hint, 150),
        optional=optional,
        element=PlainTextInputElement(
            action_id=ids.INPUT,
            initial_value=typed[:500] or None,
            multiline=True,
            max_length=500,
            focus_on_load=not optional,
        ),
    )


def approve(shown: Snapshot, run_id: int) -> dict[str, Any]:
    """What is approved, exactly, and that it was looked at."""
    release = shown.release
    seen = [(tr("the changes and the risks"), "changes"), (tr("the way back"), "back")]
    boxes = CheckboxesElement(
        action_id=ids.INPUT, options=[Option(text=parts.plain(text), value=value) for text, value in seen]
    )
    images = [f"{image.component} `{words.short(image.digest)}`" for image in shown.images]
    blocks = [
        alert(_what_begins(shown), "warning"),
        *parts.lines(
            [
                words.bold(tr("Commit")) + f" `{words.short(release.commit)}`",
                words.bold(tr("Images")),
                *(images or ["—"]),
            ]
        ),
        parts.section(f"*{changes_since(shown)}*"),
        change_rows(shown),
        *parts.lines([words.bold(tr("Risks")), *risk_lines(shown)]),
        parts.section(words.bold(tr("Way back")) + f"\n{way_back(shown)}"),
        InputBlock(block_id=ids.SEEN, label=parts.plain(tr("I have looked at")), element=boxes),
        reason(
            tr("Note for the record"), tr("Shown in the thread and kept."), optional=True, block_id=ids.NOTE
        ),
    ]
    hints = {"release": release.id, "run": run_id}
    title = tr("Approve {version}", version=release.version)
    return form(ids.APPROVE_FORM, title, tr("Approve"), tr("Cancel"), blocks, **hints)


def _what_begins(shown: Snapshot) -> str:
    """What the approval sets in motion."""
    version = shown.release.version
    steps = Playbook.model_validate(shown.release.playbook).canary.steps
    if shown.release.base_version is None or not steps:
        return tr("{version} goes to production at once: all traffic.", version=version)
    shares = ", ".join(tr("{share} %", share=step) for step in steps)
    return tr(
        "{version} goes to production at once: {shares} of the traffic first, then all of it.",
        version=version,
        shares=shares,
    )


def reject(shown: Snapshot, run_id: int, why: str = "") -> dict[str, Any]:
    """The reason goes to who asked; `why` is what was typed of it."""
    release = shown.release
    blocks = [
        alert(
            tr("This ends the release of {version}. Production stays as it is.", version=release.version),
            "warning",
        ),
        reason(tr("Why"), tr("The person who asked reads it."), typed=why),
    ]
    hints = {"release": release.id, "run": run_id}
    title = tr("Reject {version}", version=release.version)
    return form(ids.REJECT_FORM, title, tr("Reject"), tr("Cancel"), blocks, **hints)


def overrule(shown: Snapshot, run: StageRun) -> dict[str, Any]:
    """What of an evaluation would be overruled, exactly; then the reason."""
    report, release = run.facts.get("report"), shown.release
    found = evaluations.findings(run.facts, 10) or [sentence(run.code, run.facts)]
    named = [evaluations.headline(report)] if isinstance(report, dict) else []
    blocks = [
        alert(tr(evaluations.WARNING), "error"),
        parts.section(f"*{words.title(release)}* · `{words.short(release.commit)}`"),
        *parts.lines([*(f"• {each}" for each in found), *named], most=4),
        reason(tr(evaluations.LABEL), tr(evaluations.HINT)),
    ]
    hints = {"release": release.id, "run": run.id, "seen": run.facts["seen"]}
    title, submit, close = (tr(said) for said in evaluations.FORM)
    return form(ids.OVERRULE_FORM, title, submit, close, blocks, **hints)


def roll_back(back: WayBack, why: str = "") -> dict[str, Any]:
    """What going back means: versions, digests, the database; then the reason, filled with what was typed of it."""
    release, to = back.release, back.to
    goes = tr("Production goes from {old} back to {new}.", old=release.version, new=to.version)
    speed = (
        tr("It is warm: traffic moves at once.")
        if back.warm
        else tr("It is started again from its images first.")
    )
    images = [f"{name} `{words.short(digest)}`" for name, digest in back.digests.items()]
    blocks = [
        alert(f"{goes} {speed}", "error"),
        parts.facts(
            {tr("From"): f"{release.version} (`{words.short(release.commit)}`)", tr("To"): to.version}
        ),
        *parts.lines([words.bold(tr("Images of {version}", version=to.version)), *images]),
        *parts.lines([words.bold(tr("Database")), *_database(back)]),
        _undo(back),
        reason(tr("Why"), tr("It goes into the announcement and stays on the lock."), typed=why),
        parts.context(tr("Afterwards production is locked until an approver unlocks it.")),
    ]
    hints = {"release": release.id, "to": to.id}
    title, keep = (
        tr("Roll back {product}", product=release.product),
        tr("Keep {version}", version=release.version),
    )
    return form(ids.ROLLBACK_FORM, title, tr("Roll back"), keep, blocks, **hints)


def _database(back: WayBack) -> list[str]:
    if not back.revisions:
        return [tr("No migration belongs to this release; the data stays as it is.")]
    named = [
        f"• `{words.safe(r['revision'], 40)}` {words.safe(r['title'], 100)}{_labels(r)}"
        for r in back.revisions
    ]
    if back.undoable:
        undone = tr(
            "It can be undone: a backup is written first, then its downgrade runs. What only the new schema can "
            "hold is then in the backup alone."
        )
        return [*named, undone]
    stays = tr("It cannot be undone safely: the schema stays, {version} runs on it.", version=back.to.version)
    return [*named, stays]


def _labels(revision: dict[str, Any]) -> str:
    """What was found of a migration, where it is to be known before it is taken back."""
    found = [label for label in revision.get("labels", ()) if label != "safe"]
    return f" ({migrations.labels(found)})" if found else ""


def _undo(back: WayBack) -> InputBlock | None:
    if not back.undoable:
        return None
    undo = Option(text=parts.plain(tr("Undo it, after a backup")), value="undo")
    boxes = CheckboxesElement(action_id=ids.INPUT, options=[undo], initial_options=[undo])
    return InputBlock(block_id=ids.UNDO, label=parts.plain(tr("Migration")), element=boxes, optional=True)
