"""Words and marks that several messages share. An emoji always has its word beside it."""

from datetime import UTC, datetime
from html import escape as _escape

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
    ReleaseStatus.PENDING: ("⏳", "accepted"),
    ReleaseStatus.RUNNING: ("🚀", "releasing"),
    ReleaseStatus.WAITING: ("🙋", "waiting for people"),
    ReleaseStatus.SUCCEEDED: ("✅", "live in production"),
    ReleaseStatus.FAILED: ("❌", "failed"),
    ReleaseStatus.CANCELLED: ("🚫", "cancelled"),
    ReleaseStatus.ROLLING_BACK: ("↩️", "rolling back"),
    ReleaseStatus.ROLLED_BACK: ("↩️", "rolled back"),
}


def safe(text: object, limit: int = 500) -> str:
    """Outside text for mrkdwn: markup, mentions and reordering marks in it do nothing; cut to `limit` characters."""
    return _escape(plain_lines(str(text), limit), quote=False).replace("`", "ʼ")


def person(user: str | None) -> str:
    """A mention; the bot and the operator are no Slack users."""
    if user in (None, "", "bot"):
        return "the bot"
    return f"<@{user}>" if user and user[0] in "UW" else str(user)


def when(at: datetime | float | None, form: str = "{time}") -> str:
    """A time in the reader's own zone, with a UTC fallback (Slack's date format)."""
    if at is None:
        return "—"
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"<!date^{int(moment.timestamp())}^{form}|{plain_when(moment)}>"


def plain_when(at: datetime | float | None) -> str:
    """A time for the `text` of a message, which shows no markup."""
    if at is None:
        return "later"
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M UTC}"


def lasted(seconds: float) -> str:
    """A duration people can read: 45 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def short(digest: str) -> str:
    """Enough of a digest or commit to recognise it."""
    kind, _, value = digest.rpartition(":")
    return f"{kind}:{value[:10]}" if kind else value[:10]


def title(release: Release) -> str:
    return f"{release.product} {release.version}"
