"""Decisions that are asked of people: what was found, and the ways on. Decided ones have no buttons."""

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import parts, watching
from handlers.blocks.card import may_go_back, roll_back_button
from handlers.blocks.changes import way_back_line
from handlers.blocks.parts import Message
from handlers.text import ids, migrations, words
from handlers.text.language import mark, tr, trn
from handlers.text.stages import outcome
from pipeline.config import Product
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

_OPEN = (StageStatus.WAITING, StageStatus.RUNNING)


def decision(shown: Snapshot, run: StageRun, product: Product | None = None) -> Message:
    """Something in production needs a person: what was found, and the ways on."""
    title, said, lines = words.title(shown.release), outcome(run), run.facts.get("lines")
    if run.status not in _OPEN:
        return _settled(shown, run)
    if product is not None and "limits" in run.facts:
        return watching.asked(shown, product, run, _way_on(shown, run))
    blocks = [
        parts.header("🙋 " + tr("{title} needs a decision", title=title)),
        parts.section(f"{_concerned(shown)}: {_found(run) if lines else said}"),
        parts.fenced([words.safe(line, 200) for line in lines]) if lines else None,
        parts.actions(
            "decision",
            roll_back_button(shown.release, shown) if may_go_back(shown) else None,
            _way_on(shown, run),
        ),
        parts.context(
            tr("Way back: {how}", how=way_back_line(shown))
            if shown.release.production_touched
            else tr("Production is as it was; `/release abort` stops this release.")
        ),
    ]
    text = tr("{title} needs a decision: {found}", title=title, found=said)
    return Message(text, parts.as_dicts(blocks), in_thread=True, broadcast=True)


def _settled(shown: Snapshot, run: StageRun) -> Message:
    """What became of a question: the answer of a person, or the turn that the release took."""
    title, release = words.title(shown.release), shown.release
    by = words.person((release.turned or {}).get("actor"))
    if run.status is StageStatus.SUCCEEDED:
        emoji, text = "✅", tr("{title} goes on: {how}.", title=title, how=outcome(run))
    elif release.direction == "rollback":
        emoji, text = "↩️", tr("{title} does not stay: {who} rolled it back.", title=title, who=by)
    else:
        emoji, text = "🚫", tr("{title} does not go on: {who} stopped it.", title=title, who=by)
    return Message(text, parts.as_dicts([parts.section(f"{emoji} *{text}*")]), in_thread=True)


def _concerned(shown: Snapshot) -> str:
    """Who asked and who approved: a mention notifies them, an edit of the card would not."""
    people = [shown.release.requested_by, *(a.user for a in shown.approvals if a.decision == "approve")]
    return ", ".join(words.person(user) for user in dict.fromkeys(people))


def _found(run: StageRun) -> str:
    count = run.facts.get("count", len(run.facts["lines"]))
    if run.code == "new_errors":
        return trn(
            "{count} error that the version before never had.",
            "{count} errors that the version before never had.",
            count,
        )
    return trn(
        "{count} critical log line since all traffic went over.",
        "{count} critical log lines since all traffic went over.",
        count,
    )


def _way_on(shown: Snapshot, run: StageRun) -> ButtonElement:
    """The button that lets the release go on: try again, or decide that it may."""
    title, value = words.title(shown.release), ids.value(shown.release.id, run.id)
    if run.name == "publish" or run.code in ("trouble", "crashed"):
        return parts.button(tr("Try again"), ids.AGAIN, value, means=tr("Try this step again"))
    label, question = (tr(said) for said in _KEEP.get(run.name, _KEEP["watch"]))
    recorded = tr("Your name is recorded.")
    sure = parts.confirm(f"{label}?", f"{question} {recorded}", label, tr("Not now"))
    return parts.button(label, ids.KEEP, value, means=f"{label}: {title}", confirm=sure)


_KEEP = {
    **migrations.KEEP,
    "canary": (mark("Go on to everybody"), mark("All traffic goes to the new version.")),
    "leaks": (
        mark("They are revoked"),
        mark("The release goes on with these commits. Whoever has the repository has what stands in them."),
    ),
    "watch": (mark("Keep it live"), mark("The release goes on as if the watch had passed.")),
}
