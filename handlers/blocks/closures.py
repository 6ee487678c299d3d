"""What is told of locks and freezes: one message when somebody makes one, and one when it ends. Pure."""

from collections.abc import Callable, Mapping

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import parts
from handlers.blocks.parts import Message
from handlers.text import ids, times, words
from handlers.text.language import mark, tr
from pipeline.models import Event

_LOCKED = {
    "production": mark("Production of {product} is locked"),
    "staging": mark("Staging of {product} is locked"),
}
_OPEN = {
    "production": mark("Production of {product} is unlocked"),
    "staging": mark("Staging of {product} is unlocked"),
}
WAITS = mark(
    "No release starts, and one that is under way waits before it gets there. Going back is always possible."
)


def locked(event: Event) -> Message:
    """Somebody locked an environment: why, and how long."""
    locked = _LOCKED[event.payload["environment"]]
    headline = tr(locked, product=event.product)
    return _closed(event, f"🔒 {headline}", headline, _unlock_button(event))


def unlocked(event: Event) -> Message:
    """It is open again: by a person, or because its time was over."""
    open_ = _OPEN[event.payload["environment"]]
    headline = tr(open_, product=event.product)
    return _open(event, f"🔓 {headline}", headline, event.kind == "lock_expired")


def frozen(event: Event) -> Message:
    """Somebody froze production."""
    headline = tr("Production of {product} is frozen", product=event.product)
    return _closed(event, f"🧊 {headline}", headline, _thaw_button(event))


def thawed(event: Event) -> Message:
    """The freeze that somebody made is over."""
    headline = tr("The freeze of {product} is over", product=event.product)
    return _open(event, f"🟢 {headline}", headline, event.kind == "freeze_expired")


NEWS: Mapping[str, Callable[[Event], Message]] = {
    "environment_locked": locked,
    "environment_unlocked": unlocked,
    "lock_expired": unlocked,
    "production_frozen": frozen,
    "production_unfrozen": thawed,
    "freeze_expired": thawed,
}


def _closed(event: Event, title: str, headline: str, button: ButtonElement) -> Message:
    facts, who = event.payload, words.person(event.payload["by"])
    reason = words.safe(facts["reason"], 500)
    why = f"{who}: {reason}" if reason else who
    end = times.until(facts["until"], facts["zone"])
    blocks = [
        parts.section(f"*{title}*, {end}\n{why}"),
        parts.actions("open", button),
        parts.context(tr(WAITS)),
    ]
    text = f"{headline}, {times.until_plain(facts['until'], facts['zone'])}. {why.rstrip('.')}. {tr(WAITS)}"
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _open(event: Event, title: str, headline: str, by_itself: bool) -> Message:
    facts = event.payload
    who, by = words.person(event.actor), words.person(facts["by"])
    over = tr("Its time was over; {by} had made it.", by=by)
    how = over if by_itself else tr("By {who}; {by} had made it.", who=who, by=by)
    reason = words.safe(facts["reason"], 500)
    was = " " + tr("It was: {reason}", reason=reason) if reason else ""
    blocks = [parts.section(f"*{title}*\n{how}{was}")]
    return Message(parts.cut(f"{headline}. {how}{was}", parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _unlock_button(event: Event) -> ButtonElement:
    where = tr("staging") if event.payload["environment"] == "staging" else tr("production")
    return parts.button(
        tr("Unlock {where}", where=where),
        ids.OPEN_LOCK,
        ids.value(event.product, event.payload["environment"], event.payload["said"]),
        means=tr("Unlock {where} of {product}", where=where, product=event.product),
        confirm=parts.confirm(
            tr("Unlock {where}?", where=where),
            tr("What waits for it goes on at once."),
            tr("Unlock"),
            tr("Keep it"),
        ),
    )


def _thaw_button(event: Event) -> ButtonElement:
    return parts.button(
        tr("End the freeze"),
        ids.THAW,
        ids.value(event.product, event.payload["said"]),
        means=tr("End the freeze of {product}", product=event.product),
        confirm=parts.confirm(
            tr("End the freeze?"),
            tr("What waits for it goes on at once."),
            tr("End it"),
            tr("Keep it"),
        ),
    )
