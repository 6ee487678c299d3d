"""Announcements: what went out, what was turned back, and what failed, told with the same care."""

from dataclasses import dataclass
from datetime import datetime

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import hotfix, parts, watching
from handlers.blocks.card import (
    changes_link,
    has_switched_back,
    may_go_back,
    retry_button,
    roll_back_button,
)
from handlers.blocks.changes import changes_since, grouped, risk_lines, way_back, way_back_line
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.language import tr
from handlers.text.stages import outcome
from pipeline.config import Product
from pipeline.models import Release
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus


def released(shown: Snapshot, product: Product) -> Message | None:
    """Version, changes, risks, the way back; None while nothing was announced."""
    if not was_announced(shown):
        return None
    release, gone, headline = shown.release, went_back(shown.release), released_headline(shown)
    groups, glass = grouped(shown), hotfix.broken_glass(shown)
    changes = [
        section
        for name, subjects in groups
        for section in parts.lines([f"*{name}*", *(f"• {words.safe(c, 160)}" for c in subjects)], most=3)
    ]
    blocks = [
        parts.header(f"{'↩️' if gone else '🎉'} {headline}"),
        *parts.lines(glass),
        *(changes or [parts.section(words.quiet(tr("No changes are listed.")))]),
        *parts.lines([words.bold(tr("Risks")), *risk_lines(shown)], most=6),
        watching.measured(shown),
        parts.section(words.bold(tr("Way back")) + f"\n{way_back(shown)}"),
        parts.actions(
            "announcement",
            changes_link(release, product),
            parts.link(
                tr("Open the site"),
                ids.SITE_LINK,
                product.environments.production.url,
                tr("Open the product in production"),
            ),
            roll_back_button(release, shown) if may_go_back(shown) else None,
        ),
        parts.context(who_and_when(shown)),
    ]
    said = "; ".join(
        f"{name}: {', '.join(words.safe(c, 160) for c in subjects)}" for name, subjects in groups
    )
    back = tr("Way back: {how}", how=way_back_line(shown))
    text = " ".join([f"{headline}.", *glass, f"{said or tr('No changes are listed.').rstrip('.')}. {back}."])
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def was_announced(shown: Snapshot) -> bool:
    """Whether the release has been announced as live."""
    run = shown.runs.get("announce")
    return run is not None and bool(run.data.get("said"))


def went_back(release: Release) -> bool:
    """Whether what was announced is not in production any more."""
    return release.status in (ReleaseStatus.ROLLING_BACK, ReleaseStatus.ROLLED_BACK)


def released_headline(shown: Snapshot) -> str:
    title = words.title(shown.release)
    if went_back(shown.release):
        return tr("{title} was live and went back", title=title)
    return tr("{title} is live", title=title)


def who_and_when(shown: Snapshot) -> str:
    """How much changed, since when it is live, who asked and who approved."""
    people = {"asker": words.person(shown.release.requested_by), "approver": _approver(shown)}
    since = tr("live since {time}", time=words.when(shown.promoted_at))
    if hotfix.went_alone(shown):
        asked = tr("asked by {asker}", **people)
    else:
        asked = tr("asked by {asker}, approved by {approver}", **people)
    return f"{changes_since(shown)} · {since} · {asked}"


def _approver(shown: Snapshot) -> str:
    return next((words.person(a.user) for a in shown.approvals if a.decision == "approve"), tr("nobody"))


def turned_back(shown: Snapshot) -> Message:
    """A rollback: since when, why, what it means for users and data, and what next."""
    release = shown.release
    emoji, headline = how_far(shown)
    stuck = release.status is ReleaseStatus.FAILED
    reason, told = why_back(shown), back_facts(shown)
    blocks = [
        parts.header(f"{emoji} {headline}"),
        parts.section(words.bold(tr("Why")) + f"\n{reason}"),
        parts.section(words.bold(tr("What failed")) + f"\n{what_failed(shown)}")
        if stuck and release.reason
        else None,
        parts.facts(told),
        parts.actions(
            "locked",
            roll_back_button(release, shown) if stuck and may_go_back(shown) else None,
            _unlock_button(release) if shown.lock and shown.lock.release_id is None else None,
        ),
        parts.context(f"`{release.id}` · " + tr("the steps are in its thread")),
    ]
    facts = {
        "headline": headline,
        "why": reason.rstrip("."),
        "where": _serving(shown),
        "next": _next_after(shown),
    }
    if stuck:
        text = tr("{headline}. {failed}. Next: {next}.", failed=what_failed(shown).rstrip("."), **facts)
    else:
        text = tr("{headline}. Why: {why}. Production: {where}.", **facts)
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def why_back(shown: Snapshot) -> str:
    """The reason that a person gave, or what failed."""
    reason = shown.release.reason
    return words.safe(reason, 500) if reason else what_failed(shown)


def back_facts(shown: Snapshot) -> dict[str, str]:
    """What a way back means: what production serves, who had the version and how long, the data, and what next."""
    release, undo = shown.release, shown.runs.get("undo-migration")
    return {
        tr("Production"): _serving(shown),
        tr("Users had it"): _had_it(shown),
        tr("What it means"): _meaning(shown),
        tr("Database"): outcome(undo) if undo and outcome(undo) else tr("as it was"),
        tr("Rolled back by"): words.person((release.turned or {}).get("actor")),
        tr("Release asked by"): words.person(release.requested_by),
        tr("Next"): _next_after(shown),
    }


def _had_it(shown: Snapshot) -> str:
    """Since when users had the version, how many of them, and until when."""
    canary, back = shown.runs.get("canary"), shown.runs.get("switch-back")
    began = (canary.data.get("since") if canary else None) or shown.promoted_at
    if began is None:
        return tr("nobody")
    first = began if isinstance(began, datetime) else datetime.fromisoformat(began)
    last = back.finished_at if back and has_switched_back(shown) else None
    facts = {"first": words.when(first, "{date_short_pretty} {time}"), "last": words.when(last)}
    if last is None:
        return tr("since {first}; some may have it still", **facts)
    took = words.lasted((last - first).total_seconds())
    if shown.promoted_at is None:
        return tr("only the canary's share, from {first} to {last} ({time})", time=took, **facts)
    return tr("everybody in the end, from {first} to {last} ({time})", time=took, **facts)


def _meaning(shown: Snapshot) -> str:
    facts = {"version": shown.release.version, "old": shown.release.base_version or tr("nothing")}
    if not has_switched_back(shown):
        return tr("users may still meet {version}, or errors", **facts)
    return tr("users have {old} again; what {version} brought is gone until it is released anew", **facts)


def how_far(shown: Snapshot) -> tuple[str, str]:
    """The mark and the headline of a way back: it failed, goes on after a failure, or is done."""
    facts = {"title": words.title(shown.release), "old": shown.release.base_version or tr("nothing")}
    if _goes_on(shown):
        return "⏳", tr("{title} is being rolled back to {old}; it is tried again", **facts)
    if shown.release.status is ReleaseStatus.FAILED:
        return "❌", tr("The rollback of {title} did not finish", **facts)
    return "↩️", tr("{title} was rolled back to {old}", **facts)


def _goes_on(shown: Snapshot) -> bool:
    """Whether a way back that failed is tried again: asked for, or begun and not announced yet."""
    if shown.release.status is not ReleaseStatus.ROLLING_BACK:
        return shown.release.turn_to is not None
    last = shown.runs.get("announce-back")
    return last is None or not last.data.get("said")


def _serving(shown: Snapshot) -> str:
    if has_switched_back(shown):
        return tr("serves {version}", version=shown.release.base_version or tr("nothing"))
    return tr("look at it now: it may serve either version")


def _next_after(shown: Snapshot) -> str:
    """What people do after a way back."""
    if _goes_on(shown):
        return tr("it goes on; follow the release's message")
    if shown.lock is None:
        return tr("production is unlocked; the next release can start")
    if shown.release.status is not ReleaseStatus.FAILED:
        return tr("production is locked; deal with the cause, then unlock")
    if may_go_back(shown):
        return tr(
            "deal with what failed, then try the way back again; production stays locked until somebody unlocks it"
        )
    return tr("production is locked; unlock it when a fix is ready, and release that")


def _unlock_button(release: Release) -> ButtonElement:
    return parts.button(
        tr("Unlock production"),
        ids.UNLOCK,
        ids.value(release.product, release.id),
        means=tr("Unlock production for the next release"),
        confirm=parts.confirm(
            tr("Unlock production?"),
            tr("The next release may start. Is the cause dealt with?"),
            tr("Unlock"),
            tr("Keep it"),
        ),
    )


@dataclass(frozen=True)
class Ending:
    """How a release ended before production: what, why, what it means, since when, and what next."""

    what: str
    why: str
    meaning: str
    when: str
    following: str


def ending(shown: Snapshot) -> Ending:
    """What is told of a release that ended before production. It mentions who asked."""
    release, failed = shown.release, shown.release.status is ReleaseStatus.FAILED
    title, old = words.title(release), release.base_version or tr("what it served before")
    who = words.person(release.requested_by)
    span = {"first": words.when(release.created_at, "{date_short_pretty} {time}")}
    return Ending(
        tr("{title} failed before production", title=title)
        if failed
        else tr("{title} was stopped", title=title),
        f"{what_failed(shown) if failed else _stopped(shown)}".rstrip(".") + ".",
        tr("Production still serves {version}; {left}.", version=old, left=_left(shown)),
        tr("Asked for {first}, ended {last}.", last=words.when(release.finished_at), **span),
        tr("{who}: when the cause is dealt with, release it again.", who=who)
        if failed
        else tr("{who}: it can be released again any time.", who=who),
    )


def ended(shown: Snapshot) -> Message:
    """A release that ended before production: in its thread, and to the channel."""
    release, failed = shown.release, shown.release.status is ReleaseStatus.FAILED
    if not failed and release.status is not ReleaseStatus.CANCELLED:
        return _tried_again(shown)
    told = ending(shown)
    body = f"{'❌' if failed else '🚫'} *{told.what}.*\n{told.why}\n_{told.meaning}_\n{told.following}"
    text = f"{told.what}: {told.why} {told.meaning} {told.following}"
    blocks = [parts.section(body), parts.context(told.when), parts.actions("retry", retry_button(release))]
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks), True, True)


def _tried_again(shown: Snapshot) -> Message:
    by = words.person((shown.release.turned or {}).get("actor"))
    text = tr("{title} failed, and {who} had it tried again.", title=words.title(shown.release), who=by)
    return Message(text, parts.as_dicts([parts.section(f"🔁 *{text}*")]), in_thread=True)


def _left(shown: Snapshot) -> str:
    """What is still there of a release that never got traffic."""
    cleaning = shown.runs.get("clean-up")
    if cleaning is not None and cleaning.status is StageStatus.FAILED:
        return tr("what was prepared of this one may still run, until the next release takes it away")
    return tr("nothing of it is left running")


def _stopped(shown: Snapshot) -> str:
    by = words.person((shown.release.turned or {}).get("actor"))
    reason = shown.release.reason
    if reason:
        return tr("{who} stopped it: {reason}", who=by, reason=words.safe(reason))
    return tr("{who} stopped it", who=by)


def what_failed(shown: Snapshot) -> str:
    """What the stages that failed say; where none did, a person decided it."""
    failed = [run for run in shown.runs.values() if run.status is StageStatus.FAILED]
    return "; ".join(outcome(run).rstrip(".") for run in failed) or tr("a person decided it")
