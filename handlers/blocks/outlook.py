"""What keeps releases of a product out, and what is to come: for status and the Home tab. Pure."""

from handlers.blocks import parts, schedule
from handlers.text import times, words
from handlers.text.language import tr
from pipeline.freezes import Frozen
from pipeline.models import Lock
from pipeline.outlook import Outlook

MOST_WISHES = 5


def lines(found: Outlook) -> list[str]:
    """A line for each lock and freeze, and for what is scheduled and queued; none when all is open."""
    said = [_locked(lock, found.zone) for lock in found.locks]
    if found.frozen is not None:
        said.append(_frozen(found.frozen, found.zone))
    elif found.next_freeze is not None:
        next_ = tr("the next freeze begins {time}", time=times.shown(found.next_freeze, found.zone))
        said.append(f"🧊 {next_}")
    wished = schedule.rows(found.wishes, found.zone)
    said += wished[:MOST_WISHES]
    return said + ([parts.and_more(len(wished) - MOST_WISHES)] if len(wished) > MOST_WISHES else [])


def _locked(lock: Lock, zone: str) -> str:
    where = tr("staging is locked") if lock.environment == "staging" else tr("production is locked")
    why = tr("by {who}: {reason}", who=words.person(lock.actor), reason=words.safe(lock.reason, 300))
    return f"🔒 {where} {why}" + (f" · {times.until(lock.expires_at, zone)}" if lock.expires_at else "")


def _frozen(frozen: Frozen, zone: str) -> str:
    end = times.until(frozen.until, zone) if frozen.until else tr("with no end in sight")
    said = tr("production is frozen {until}", until=end)
    reason = words.safe(frozen.reason or frozen.name, 300)
    return f"🧊 {said}" + (f": {reason}" if reason else "")
