"""Break-glass as people see it: the word that one has begun, and that somebody went on alone."""

from typing import Any

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import forms, parts
from handlers.blocks.changes import changes_since, risk_lines, way_back
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.language import tr
from pipeline import policy, votes
from pipeline.config import Product
from pipeline.models import Approval, StageRun
from pipeline.snapshot import Snapshot


def alone(shown: Snapshot, run_id: int) -> dict[str, Any]:
    """What goes to production without a second pair of eyes, and whom its asker tried to reach."""
    release = shown.release
    blocks = [
        forms.alert(
            tr(
                "{version} goes to production on your word alone. Everybody is told, and it stays on record for ever.",
                version=release.version,
            ),
            "error",
        ),
        parts.section(f"*{words.title(release)}* · `{words.short(release.commit)}` · {changes_since(shown)}"),
        *parts.lines([words.bold(tr("Risks")), *risk_lines(shown)], most=8),
        parts.section(words.bold(tr("Way back")) + f"\n{way_back(shown)}"),
        forms.reason(
            tr("Whom did you try to reach, and how?"), tr("It goes into the announcement and the audit log.")
        ),
    ]
    hints = {"release": release.id, "run": run_id}
    return forms.form(ids.ALONE_FORM, tr("Go on alone"), tr("Go on alone"), tr("Cancel"), blocks, **hints)


def alone_button(shown: Snapshot, run: StageRun) -> ButtonElement | None:
    """For who asked, as soon as the policy lets them go on alone."""
    if not run.facts.get("alone_open"):
        return None
    return parts.button(
        tr("Nobody can be reached…"),
        ids.ALONE,
        ids.value(shown.release.id, run.id),
        means=tr("Go on without a second person; opens a form"),
        style="danger",
    )


def alone_lines(shown: Snapshot, run: StageRun) -> list[str]:
    """What the policy lets the asker do, and from when; [] where it does not."""
    if not (opens := run.facts.get("alone_from")):
        return []
    who, time = words.person(shown.release.requested_by), words.when(opens)
    if run.facts.get("alone_open"):
        return ["🚨 " + tr("{who} may go on alone if nobody can be reached.", who=who)]
    return ["🚨 " + tr("{who} may go on alone from {time} on if nobody can be reached.", who=who, time=time)]


def begun(shown: Snapshot, product: Product) -> Message:
    """To those who are needed soon: a hotfix has begun, why, and which freeze it passes."""
    release, title = shown.release, words.title(shown.release)
    who, approvers = (
        words.person(release.requested_by),
        policy.mentions(policy.listed("approve", product)),
    )
    headline = tr("{title} is a hotfix", title=title)
    facts = release.hotfix_facts or {}
    asked = tr("{who} started it: {reason}", who=who, reason=words.safe(facts.get("reason", ""), 500))
    needed = tr("{who}: stay near, your approval will be needed soon.", who=approvers)
    rows = [f"🚨 *{headline}*", asked, *_passing(facts.get("freeze", "")), needed]
    text = " ".join([f"{headline}.", *rows[1:]])
    return Message(
        parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(parts.lines(rows)), in_thread=True, broadcast=True
    )


def _passing(freeze: str) -> list[str]:
    return [tr("It passes the freeze “{name}”.", name=words.safe(freeze, 80))] if freeze else []


def went_on(shown: Snapshot, product: Product, run: StageRun) -> Message | None:
    """Loud: a new message in the channel, with everybody who should have been there."""
    decision = given(shown, run)
    if decision is None:
        return None
    title, who = words.title(shown.release), words.person(decision.user)
    people = dict.fromkeys([*policy.listed("approve", product), *policy.listed("override", product)])
    headline = tr("{title} goes on without a second person", title=title)
    said = tr("{who} recorded that nobody could be reached: {reason}", who=who, reason=_why(decision))
    asked = tr(
        "{who}: look at it now. Reject it while it waits, or roll it back.", who=policy.mentions(people)
    )
    rows = [f"🚨 *{headline}*", said, asked]
    text = f"{headline}. {said} {asked}"
    return Message(
        parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(parts.lines(rows)), in_thread=True, broadcast=True
    )


def broken_glass(shown: Snapshot) -> list[str]:
    """For the announcement: that it was a hotfix, and that nobody but its asker let it go; [] for any other."""
    why, decision = words.hotfix(shown.release), went_alone(shown)
    if decision is None:
        return [why] if why else []
    said = tr(
        "No second person approved it. {who} recorded that nobody could be reached: {reason}",
        who=words.person(decision.user),
        reason=_why(decision),
    )
    return [*([why] if why else []), f"🚨 {said}"]


def went_alone(shown: Snapshot) -> Approval | None:
    """The decision by which a release went on without a second person; None when somebody approved it."""
    run = shown.runs.get("approval")
    return given(shown, run) if run and run.facts.get("alone") else None


def given(shown: Snapshot, run: StageRun) -> Approval | None:
    """The word that nobody could be reached, which the asker gave to a request and which is not known to be void."""
    mine = (one for one in shown.approvals if one.stage_run_id == run.id and one.decision == votes.ALONE)
    return next((one for one in mine if one.id not in run.facts.get("voided", ())), None)


def _why(decision: Approval) -> str:
    return words.safe(decision.note, 500)
