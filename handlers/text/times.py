"""Times as people read them: in the product's zone, which is always named, and in the reader's own (Slack's dates)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel import dates

from handlers.text.language import spoken, tr


def in_zone(at: datetime | float, zone: str) -> str:
    """A moment as plain text: Thu 2026-12-24 10:00 (America/Sao_Paulo)."""
    known = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    day = "dd/MM/yyyy" if spoken() == "pt_BR" else "yyyy-MM-dd"
    said = dates.format_datetime(known.astimezone(ZoneInfo(zone)), f"EEE {day} HH:mm", locale=spoken())
    return f"{said} ({zone})"


def shown(at: datetime | float, zone: str) -> str:
    """The same for a message: with the reader's own time beside it, where Slack knows it."""
    known = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    own = f"<!date^{int(known.timestamp())}^{{date_short_pretty}} {{time}}|{known.astimezone(UTC):%H:%M} UTC>"
    return tr("{time}, for you {own}", time=f"*{in_zone(at, zone)}*", own=own)


def until(at: datetime | float | None, zone: str) -> str:
    """Until when something holds, for a message."""
    return tr("until {time}", time=shown(at, zone)) if at is not None else tr("until somebody opens it")


def until_plain(at: datetime | float | None, zone: str) -> str:
    """The same as plain text."""
    return tr("until {time}", time=in_zone(at, zone)) if at is not None else tr("until somebody opens it")


def end_of_fact(fact: str) -> str:
    """The end that a refusal names: `seconds zone`, or nothing where none is known."""
    seconds, _, zone = fact.partition(" ")
    return until_plain(int(seconds), zone) if seconds else tr("with no end in sight")


def due_of_fact(fact: str) -> str:
    """When a release is to start, as a refusal names it."""
    seconds, _, zone = fact.partition(" ")
    return tr("for {time}", time=in_zone(int(seconds), zone)) if seconds else tr("for its turn in the queue")
