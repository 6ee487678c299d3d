"""Words and marks that several messages share. An emoji always has its word beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape as _escape

from handlers.text.language import listed, mark, moment, number, tr
from pipeline.models import Release
from pipeline.plain import plain_lines
from pipeline.states import ReleaseStatus, StageStatus

MARKS = {
    StageStatus.PENDING: "⬜",
    StageStatus.RUNNING: "⏳",
    StageStatus.WAITING: "🙋",
    StageStatus.SUCCEEDED: "✅",
    StageStatus.FAILED: "❌",
    StageStatus.SKIPPED: "➖",
    StageStatus.CANCELLED: "🚫",
}

STATES = {
    ReleaseStatus.PENDING: ("⏳", mark("accepted")),
    ReleaseStatus.RUNNING: ("🚀", mark("releasing")),
    ReleaseStatus.WAITING: ("🙋", mark("waiting for people")),
    ReleaseStatus.SUCCEEDED: ("✅", mark("live in production")),
    ReleaseStatus.FAILED: ("❌", mark("failed")),
    ReleaseStatus.CANCELLED: ("🚫", mark("cancelled")),
    ReleaseStatus.ROLLING_BACK: ("↩️", mark("rolling back")),
    ReleaseStatus.ROLLED_BACK: ("↩️", mark("rolled back")),
}

STAGE_STATES = {
    StageStatus.PENDING: mark("to come"),
    StageStatus.RUNNING: mark("running"),
    StageStatus.WAITING: mark("waiting"),
    StageStatus.SUCCEEDED: mark("succeeded"),
    StageStatus.FAILED: mark("failed"),
    StageStatus.SKIPPED: mark("skipped"),
    StageStatus.CANCELLED: mark("stopped"),
}


def state(status: ReleaseStatus) -> tuple[str, str]:
    """A release's status: its mark and its words."""
    emoji, word = STATES[status]
    return emoji, tr(word)


def safe(text: object, limit: int = 500) -> str:
    """Outside text for mrkdwn: markup, mentions and reordering marks in it do nothing; cut to `limit` characters."""
    return _escape(plain_lines(str(text), limit), quote=False).replace("`", "ʼ")


def bold(text: str) -> str:
    return f"*{text}*"


def quiet(text: str) -> str:
    return f"_{text}_"


def person(user: str | None) -> str:
    """A mention; the bot and the operator are no Slack users."""
    if user in (None, "", "bot"):
        return tr("the bot")
    if user == "operator":
        return tr("the operator")
    return f"<@{user}>" if user and user[0] in "UW" else str(user)


def people(users: str | Sequence[str]) -> str:
    """Several mentions as a list in words; a single one may stand for itself."""
    return person(users) if isinstance(users, str) else listed([person(user) for user in users])


def when(at: datetime | float | None, form: str = "{time}") -> str:
    """A time in the reader's own zone, with a UTC fallback (Slack's date format)."""
    if at is None:
        return "—"
    known = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"<!date^{int(known.timestamp())}^{form}|{plain_when(known)}>"


def plain_when(at: datetime | float | None) -> str:
    """A time for the `text` of a message, which shows no markup."""
    if at is None:
        return tr("later")
    return moment(at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC))


def lasted(seconds: float) -> str:
    """A duration people can read: 45 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{number(round(seconds / 3600, 1))} h"


def short(digest: str) -> str:
    """Enough of a digest or commit to recognise it."""
    kind, _, value = digest.rpartition(":")
    return f"{kind}:{value[:10]}" if kind else value[:10]


def title(release: Release) -> str:
    return f"{release.product} {release.version}"


def hotfix(release: Release) -> str | None:
    """One line that says why a release is a hotfix; None for any other."""
    if release.hotfix_facts is None:
        return None
    return "🚨 " + tr("Hotfix: {reason}", reason=safe(release.hotfix_facts.get("reason", ""), 300))
