"""Announcements: what went out, what was turned back, and what failed, told with the same care."""

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import parts
from handlers.blocks.card import changes_link, has_switched_back, may_go_back, roll_back_button
from handlers.blocks.changes import grouped, risk_lines, way_back, way_back_line
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.stages import outcome
from pipeline.config import Product
from pipeline.models import Release
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus


def released(shown: Snapshot, product: Product) -> Message | None:
    """Version, changes, risks, the way back; None while nothing was announced."""
    release, run = shown.release, shown.runs.get("announce")
    if run is None or not run.data.get("said"):
        return None
    gone = release.status in (ReleaseStatus.ROLLING_BACK, ReleaseStatus.ROLLED_BACK)
    headline = f"{words.title(release)} " + ("was live and went back" if gone else "is live")
    groups = grouped(shown)
    changes = [
        section
        for name, subjects in groups
        for section in parts.lines([f"*{name}*", *(f"• {words.safe(c, 160)}" for c in subjects)], most=3)
    ]
    blocks = [
        parts.header(f"{'↩️' if gone else '🎉'} {headline}"),
        *(changes or [parts.section("_No changes are listed._")]),
        *parts.lines(["*Risks*", *risk_lines(shown)], most=6),
        parts.section(f"*Way back*\n{way_back(shown)}"),
        parts.actions(
            "announcement",
            changes_link(release, product),
            parts.link(
                "Open the site", ids.SITE_LINK, product.environments.production.url, "Open the product"
            ),
            roll_back_button(release, shown) if may_go_back(shown) else None,
        ),
        parts.context(
            f"{len(shown.changes)} changes · live since {words.when(shown.promoted_at)}"
            f" · asked by {words.person(release.requested_by)}, approved by {_approver(shown)}"
        ),
    ]
    said = "; ".join(
        f"{name}: {', '.join(words.safe(c, 160) for c in subjects)}" for name, subjects in groups
    )
    text = f"{headline}. {said or 'No changes are listed'}. Way back: {way_back_line(shown)}."
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _approver(shown: Snapshot) -> str:
    return next((words.person(a.user) for a in shown.approvals if a.decision == "approve"), "nobody")


def turned_back(shown: Snapshot) -> Message:
    """A rollback: what production serves now, why, what became of the data, and what next."""
    release = shown.release
    mark, headline = _how_far(shown)
    stuck = release.status is ReleaseStatus.FAILED
    reason = words.safe(release.reason, 500) if release.reason else _failed(shown)
    undo, by = shown.runs.get("undo-migration"), (release.turned or {}).get("actor")
    production, next_ = _serving(shown), _next_after(shown)
    blocks = [
        parts.header(f"{mark} {headline}"),
        parts.section(f"*Why*\n{reason}"),
        parts.section(f"*What failed*\n{_failed(shown)}") if stuck and release.reason else None,
        parts.facts(
            Production=production,
            Database=outcome(undo) if undo and outcome(undo) else "as it was",
            Rolled_back_by=words.person(by),
            Release_asked_by=words.person(release.requested_by),
            Next=next_,
        ),
        parts.actions(
            "locked",
            roll_back_button(release, shown) if stuck and may_go_back(shown) else None,
            _unlock_button(release) if shown.lock and shown.lock.release_id is None else None,
        ),
        parts.context(f"`{release.id}` · the steps are in its thread"),
    ]
    failed, why = _failed(shown).rstrip("."), reason.rstrip(".")
    told = f"{failed}. Next: {next_}" if stuck else f"Why: {why}. Production {production}"
    text = f"{headline}. {told}."
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _how_far(shown: Snapshot) -> tuple[str, str]:
    """The mark and the headline of a way back: it failed, goes on after a failure, or is done."""
    release, title, old = shown.release, words.title(shown.release), shown.release.base_version or "nothing"
    if _goes_on(shown):
        return "⏳", f"{title} is being rolled back to {old}; it is tried again"
    if release.status is ReleaseStatus.FAILED:
        return "❌", f"The rollback of {title} did not finish"
    return "↩️", f"{title} was rolled back to {old}"


def _goes_on(shown: Snapshot) -> bool:
    """Whether a way back that failed is tried again: asked for, or begun and not announced yet."""
    if shown.release.status is not ReleaseStatus.ROLLING_BACK:
        return shown.release.turn_to is not None
    last = shown.runs.get("announce-back")
    return last is None or not last.data.get("said")


def _serving(shown: Snapshot) -> str:
    if has_switched_back(shown):
        return f"serves {shown.release.base_version or 'nothing'}"
    return "look at it now: it may serve either version"


def _next_after(shown: Snapshot) -> str:
    """What people do after a way back."""
    if _goes_on(shown):
        return "it goes on; follow the release's message"
    if shown.lock is None:
        return "production is unlocked; the next release can start"
    if shown.release.status is not ReleaseStatus.FAILED:
        return "production is locked; deal with the cause, then unlock"
    if may_go_back(shown):
        return "deal with what failed, then try the way back again; production stays locked until somebody unlocks it"
    return "production is locked; unlock it when a fix is ready, and release that"


def _unlock_button(release: Release) -> ButtonElement:
    return parts.button(
        "Unlock production",
        ids.UNLOCK,
        ids.value(release.product, release.id),
        means="Unlock production for the next release",
        confirm=parts.confirm(
            "Unlock production?",
            "The next release may start. Is the cause dealt with?",
            "Unlock",
            "Keep it",
        ),
    )


def ended(shown: Snapshot) -> Message:
    """A release that ended before production: in its thread, and to the channel. It mentions who asked."""
    release, failed = shown.release, shown.release.status is ReleaseStatus.FAILED
    title, old = words.title(release), release.base_version or "what it served before"
    word = "failed before production" if failed else "was stopped"
    why = f"{_failed(shown) if failed else _stopped(shown)}".rstrip(".") + "."
    calm = f"Production still serves {old}; {_left(shown)}."
    again = (
        "when the cause is dealt with, release it again." if failed else "it can be released again any time."
    )
    next_ = f"{words.person(release.requested_by)}: {again}"
    body = f"{'❌' if failed else '🚫'} *{title} {word}.*\n{why}\n_{calm}_\n{next_}"
    text = f"{title} {word}: {why} {calm} {next_}"
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts([parts.section(body)]), True, True)


def _left(shown: Snapshot) -> str:
    """What is still there of a release that never got traffic."""
    cleaning = shown.runs.get("clean-up")
    if cleaning is not None and cleaning.status is StageStatus.FAILED:
        return "what was prepared of this one may still run, until the next release takes it away"
    return "nothing of it is left running"


def _stopped(shown: Snapshot) -> str:
    by = words.person((shown.release.turned or {}).get("actor"))
    reason = shown.release.reason
    return f"{by} stopped it" + (f": {words.safe(reason)}" if reason else "")


def _failed(shown: Snapshot) -> str:
    failed = [run for run in shown.runs.values() if run.status is StageStatus.FAILED]
    return "; ".join(outcome(run).rstrip(".") for run in failed) or "a person decided it"
