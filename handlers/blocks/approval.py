"""The request for the DRI's approval: what is approved, who has, who still may; decided ones have no buttons."""

from typing import Any

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import hotfix, parts
from handlers.blocks.card import changes_link
from handlers.blocks.changes import change_rows, changes_since, risk_lines, way_back
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.language import mark, tr, trn
from handlers.text.stages import outcome
from pipeline import policy, votes
from pipeline.config import Product
from pipeline.models import Approval, StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

_OPEN = (StageStatus.WAITING, StageStatus.RUNNING)


def approval(shown: Snapshot, product: Product, run: StageRun) -> Message:
    """The request for the DRI's approval; once decided, who decided, when and on what."""
    return _approval_open(shown, product, run) if run.status in _OPEN else _approval_decided(shown, run)


def _approval_open(shown: Snapshot, product: Product, run: StageRun) -> Message:
    release, title = shown.release, words.title(shown.release)
    expires = run.facts.get("expires") or (run.started_at + product.approval.expires)
    given = _given(shown, run)
    blocks = [
        parts.header("🔐 " + tr("Approve {title} for production?", title=title)),
        parts.section(_wanted(shown, product)),
        parts.facts(_tried(shown)),
        parts.section(f"*{changes_since(shown)}*"),
        change_rows(shown, product),
        *parts.lines([words.bold(tr("Risks")), *risk_lines(shown)], most=8),
        parts.section(words.bold(tr("Way back")) + f"\n{way_back(shown)}"),
        *parts.lines([_has_approved(one) for one in given]),
        *parts.lines(hotfix.alone_lines(shown, run)),
        _recorded(shown, product, run, given) or _decide(shown, product, run),
        parts.context(
            _bound(shown), tr("Expires {time}", time=words.when(expires, "{date_short_pretty} {time}"))
        ),
    ]
    text = tr(
        "Approval needed for {title} to go to production. Asked by {who}; {changes}; expires {time}.",
        title=title,
        who=words.person(release.requested_by),
        changes=changes_since(shown),
        time=words.plain_when(expires),
    )
    return Message(text, parts.as_dicts(blocks), in_thread=True, broadcast=True)


def _given(shown: Snapshot, run: StageRun) -> list[Approval]:
    """The approvals of this request that are not known to be void, one a person."""
    mine = [one for one in shown.approvals if one.stage_run_id == run.id]
    voided = run.facts.get("voided", ())
    return list(
        {one.user: one for one in mine if one.decision == "approve" and one.id not in voided}.values()
    )


def _wanted(shown: Snapshot, product: Product) -> str:
    """Who is asked, for how many approvals, and whose does not count."""
    facts = {
        "who": policy.mentions(policy.listed("approve", product)),
        "asker": words.person(shown.release.requested_by),
    }
    asked = trn(
        "{who}: one approval is needed, not from {asker}, who asked.",
        "{who}: {count} approvals by different people are needed, not from {asker}, who asked.",
        product.approval.needed,
        **facts,
    )
    if product.approval.authors:
        return asked
    return f"{asked} " + tr("Nobody approves commits of their own.")


def _has_approved(one: Approval) -> str:
    said = tr("{who} approved {time}", who=words.person(one.user), time=words.when(one.at))
    return f"✅ {said}" + (f": {words.safe(one.note, 200)}" if one.note else "")


def _recorded(shown: Snapshot, product: Product, run: StageRun, given: list[Approval]) -> Any:
    """In place of the buttons, when the last decision that was needed is on its way."""
    rejected = votes.rejection(one for one in shown.approvals if one.stage_run_id == run.id)
    last = rejected or (given[-1] if len(given) >= product.approval.needed else hotfix.given(shown, run))
    return parts.section("⏳ " + tr("{who}: being recorded…", who=words.person(last.user))) if last else None


_CHECKS = {
    "test": mark("tests and lint"),
    "evaluation": mark("evaluation"),
    "staging-checks": mark("staging"),
    "checklist": mark("checklist"),
}


def _tried(shown: Snapshot) -> dict[str, str]:
    """What this very commit has passed, and where it can be looked at."""
    passed = [
        tr(word) for name, word in _CHECKS.items()
        if name in shown.runs and shown.runs[name].status is StageStatus.SUCCEEDED
        and not (name == "evaluation" and shown.overruled)
    ]  # fmt: skip
    staging = shown.runs.get("staging")
    url = staging.facts.get("url", "") if staging else ""
    said = {
        tr("Passed"): ", ".join(passed) or tr("nothing yet"),
        tr("Staging"): tr("it runs at {url}", url=url) if url else "—",
    }
    return said | ({tr("Left open, optional"): ", ".join(left)} if (left := _left_open(shown)) else {})


def _left_open(shown: Snapshot) -> list[str]:
    """Items of the checklist that did not hold the release."""
    open_ = [
        item for item in shown.items if item.phase == "before" and not item.done and not shown.needs(item)
    ]
    return [words.safe(item.title, 150) for item in open_]


def _decide(shown: Snapshot, product: Product, run: StageRun) -> Any:
    further = (hotfix.alone_button(shown, run), changes_link(shown.release, product))
    return decision_buttons(shown, *further)


def decision_buttons(shown: Snapshot, *further: ButtonElement | None) -> Any:
    """Approve and reject, for whoever may."""
    run = shown.runs["approval"]
    value, title = ids.value(shown.release.id, run.id), words.title(shown.release)
    return parts.actions(
        "decide",
        parts.button(
            tr("Approve…"),
            ids.APPROVE,
            value,
            means=tr("Approve {title}; opens a form", title=title),
            style="primary",
        ),
        parts.button(
            tr("Reject…"), ids.REJECT, value, means=tr("Reject {title}; asks for a reason", title=title)
        ),
        *further,
    )


def _bound(shown: Snapshot) -> str:
    digests = " ".join(f"{image.component} `{words.short(image.digest)}`" for image in shown.images)
    return tr(
        "Bound to commit `{commit}`, {images}, the migrations and the playbook",
        commit=words.short(shown.release.commit),
        images=digests,
    )


def _approval_decided(shown: Snapshot, run: StageRun) -> Message:
    title, mine = words.title(shown.release), [a for a in shown.approvals if a.stage_run_id == run.id]
    rejected, given = votes.rejection(mine), _given(shown, run)
    alone = hotfix.went_alone(shown)
    if run.status is StageStatus.CANCELLED or not (rejected or given or alone):
        text = tr("The approval of {title} is not needed any more.", title=title)
        said = [parts.section(f"🚫 *{text}* {outcome(run)}")]
        return Message(text, parts.as_dicts(said), in_thread=True)
    if rejected:
        headline, rows, text = _rejected(shown, rejected)
    elif alone:
        headline, rows, text = _went_on(shown, alone)
    else:
        headline, rows, text = _approved(shown, given)
    blocks = [parts.header(headline), *parts.lines(rows), parts.context(_bound(shown))]
    return Message(text, parts.as_dicts(blocks), in_thread=True)


def _rejected(shown: Snapshot, decision: Approval) -> tuple[str, list[str], str]:
    """The headline, what is said below it, and the whole as plain text."""
    title, who = words.title(shown.release), words.person(decision.user)
    commit, at = words.short(shown.release.commit), words.plain_when(decision.at)
    said = tr(
        "{who} rejected it {time} for commit `{commit}`.",
        who=who,
        time=words.when(decision.at),
        commit=commit,
    )
    text = tr("{title} was rejected for production by {who} at {time}.", title=title, who=who, time=at)
    return "⛔ " + tr("{title} rejected", title=title), [said + _quoted(decision.note)], text


def _went_on(shown: Snapshot, decision: Approval) -> tuple[str, list[str], str]:
    """The same for who went on alone."""
    headline = tr("{title} goes to production without a second person", title=words.title(shown.release))
    said = tr(
        "{who} recorded {time} for commit `{commit}` that nobody could be reached.",
        who=words.person(decision.user),
        time=words.when(decision.at),
        commit=words.short(shown.release.commit),
    )
    return f"🚨 {headline}", [said + _quoted(decision.note)], f"{headline}. {said}"


def _approved(shown: Snapshot, given: list[Approval]) -> tuple[str, list[str], str]:
    """The headline, what is said below it, and the whole as plain text."""
    title, commit = words.title(shown.release), words.short(shown.release.commit)
    rows = [_one_approved(decision, commit) for decision in given]
    who, at = words.people([decision.user for decision in given]), words.plain_when(given[-1].at)
    text = tr("{title} was approved for production by {who} at {time}.", title=title, who=who, time=at)
    return "✅ " + tr("{title} approved", title=title), rows, text


def _one_approved(decision: Approval, commit: str) -> str:
    who, at = words.person(decision.user), words.when(decision.at)
    said = tr("{who} approved it {time} for commit `{commit}`.", who=who, time=at, commit=commit)
    return said + _quoted(decision.note)


def _quoted(note: str) -> str:
    return "\n> " + words.safe(note).replace("\n", "\n> ") if note else ""
