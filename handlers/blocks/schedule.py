"""What is told of scheduled and queued releases, and the list of them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import parts
from handlers.blocks.parts import Message, Part
from handlers.text import ids, times, words
from handlers.text.language import listed, tr, trn
from handlers.text.refusals import sentences
from pipeline.errors import Refused
from pipeline.models import Event
from pipeline.models_time import Wish
from pipeline.states import WishStatus
from pipeline.wishes import FAILED

Told = dict[str, Any]
"""A wish as its event has it (pipeline.wishes)."""

MOST_ROWS = 20
MOST_NAMED = 10


def _title(event: Event) -> str:
    return f"{event.product} {_of(event)['version']}"


def _of(event: Event) -> Told:
    found: Told = event.payload["wishes"][0]
    return found


def scheduled(event: Event) -> Message:
    """A release will start at a time."""
    wish, zone, title = _of(event), event.payload["zone"], _title(event)
    headline = tr("{title} is scheduled", title=title)
    body = f"📅 *{headline}* " + tr("for {time}", time=times.shown(wish["due"], zone))
    text = f"{headline} " + tr("for {time}", time=times.in_zone(wish["due"], zone))
    return _registered(event, body, text)


def queued(event: Event) -> Message:
    """A release waits for its turn."""
    headline = tr("{title} is in the queue", title=_title(event))
    return _registered(event, f"⏳ *{headline}*", headline)


def _registered(event: Event, body: str, text: str) -> Message:
    wish = _of(event)
    ref = f" · `{words.safe(wish['ref'], 60)}`" if wish["ref"] else ""
    by = tr("asked by {who}", who=words.person(wish["by"]))
    halted = tr("It is halted with the rest of the queue.") if wish["code"] == FAILED else ""
    later = tr("Before it starts, everything is looked at again.")
    blocks = [
        parts.section(f"{body}\n{by}{ref}" + (f"\n⛔ {halted}" if halted else "")),
        parts.actions("wish", cancel_button(event.product, wish["id"], wish["version"])),
        parts.context(later),
    ]
    said = [f"{text}, {by}", *([halted.rstrip(".")] if halted else []), later]
    return Message(parts.cut(". ".join(said), parts.TEXT_LIMIT), parts.as_dicts(blocks))


def waiting(event: Event) -> Message:
    """Its time has come, and something keeps it: it starts when that has passed."""
    wish = _of(event)
    headline = tr("{title} cannot start yet", title=_title(event))
    why = " ".join(sentences(Refused(wish["code"], **wish["facts"]))[:2])
    calm = tr("It starts by itself when that has passed.")
    blocks = [
        parts.section(f"⏳ *{headline}*\n{why}"),
        parts.actions("wish", cancel_button(event.product, wish["id"], wish["version"])),
        parts.context(calm),
    ]
    return Message(parts.cut(f"{headline}. {why} {calm}", parts.TEXT_LIMIT), parts.as_dicts(blocks))


def started(event: Event) -> Message:
    said = tr("{title} has started: its time or its turn had come.", title=_title(event))
    return _line("🚀", said, event)


def cancelled(event: Event) -> Message:
    title, who = _title(event), words.person(event.actor)
    return _line("🚫", tr("{title} will not start: {who} took it back.", title=title, who=who), event)


def _line(mark: str, said: str, event: Event) -> Message:
    by = tr("asked by {who}", who=words.person(_of(event)["by"]))
    return Message(f"{said} ({by})", parts.as_dicts([parts.section(f"{mark} {said}\n{by}")]))


def refused(event: Event) -> Message:
    """When its turn had come it could not be done: who wanted it is told."""
    wish, who = _of(event), words.person(_of(event)["by"])
    headline = tr("{title} could not start", title=_title(event))
    why = " ".join(sentences(Refused(wish["code"], **wish["facts"]))[:2])
    next_ = tr("{who}: ask for it again when that is dealt with.", who=who)
    blocks = [parts.section(f"❌ *{headline}*\n{why}\n{next_}")]
    return Message(parts.cut(f"{headline}. {why} {next_}", parts.TEXT_LIMIT), parts.as_dicts(blocks))


def late(event: Event) -> Message:
    """The bot was away at its time: who wanted it is asked."""
    wish, title, zone = _of(event), _title(event), event.payload["zone"]
    who = words.person(wish["by"])
    headline = tr("{title} was not started in time", title=title)
    due = tr("for {time}", time=times.shown(wish["due"], zone))
    plain = tr("for {time}", time=times.in_zone(wish["due"], zone))
    blocks = [
        parts.section(f"🙋 *{headline}*\n{_start_it_now(who, due)}"),
        parts.actions(
            "wish",
            go_on_button(
                event.product, wish["asks"], tr("Start it now"), tr("Start {title} now", title=title)
            ),
            cancel_button(event.product, wish["id"], wish["version"]),
        ),
    ]
    text = f"{headline}. {_start_it_now(who, plain)}"
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _start_it_now(who: str, when: str) -> str:
    return tr("{who}: it was scheduled {when}, and I was away then. Should it start now?", who=who, when=when)


def halted(event: Event) -> Message:
    """After a release that failed nothing starts by itself: those who wait are asked."""
    wishes: list[Told] = event.payload["wishes"]
    facts, product = wishes[0]["facts"], event.product
    title = f"{product} {facts['version']}"
    failed = tr("{title} failed", title=title)
    back = tr("{title} was rolled back", title=title)
    because = back if facts["status"] == "rolled_back" else failed
    headline = tr("{reason}, so that nothing of {product} starts by itself", reason=because, product=product)
    versions = [f"`{wish['version']}`" for wish in wishes[:MOST_NAMED]]
    rest = [parts.and_more(len(wishes) - MOST_NAMED)] if len(wishes) > MOST_NAMED else []
    what = tr("Halted: {versions}.", versions=", ".join([*versions, *rest]))
    people = list(dict.fromkeys(words.person(wish["by"]) for wish in wishes))[:MOST_NAMED]
    ask = tr("{who}: when the cause is dealt with, let it go on, or take yours back.", who=listed(people))
    means = tr("Go on with the queue of {product}", product=product)
    blocks = [
        parts.section(f"⛔ *{headline}*\n{what}\n{ask}"),
        parts.actions("halt", go_on_button(product, wishes[0]["asks"], tr("Go on with the queue"), means)),
    ]
    return Message(parts.cut(f"{headline}. {what} {ask}", parts.TEXT_LIMIT), parts.as_dicts(blocks))


def resumed(event: Event) -> Message:
    """A person said that it goes on."""
    wishes: list[Told] = event.payload["wishes"]
    versions = ", ".join(f"`{wish['version']}`" for wish in wishes[:MOST_NAMED])
    said = trn(
        "By {who} it goes on: {versions}.",
        "By {who} they go on: {versions}.",
        len(wishes),
        who=words.person(event.actor),
        versions=versions,
    )
    return Message(
        f"{event.product}: {said}", parts.as_dicts([parts.section(f"▶️ *{event.product}*\n{said}")])
    )


NEWS: Mapping[str, Callable[[Event], Message]] = {
    "release_scheduled": scheduled,
    "release_queued": queued,
    "wish_waits": waiting,
    "wish_started": started,
    "wish_cancelled": cancelled,
    "wish_refused": refused,
    "wish_late": late,
    "wishes_halted": halted,
    "wishes_resumed": resumed,
}


# -------------------------------------------------------------------- buttons


def cancel_button(product: str, wish: str, version: str) -> ButtonElement:
    title = f"{product} {version}"
    return parts.button(
        tr("Take it back"),
        ids.UNSCHEDULE,
        ids.value(product, wish),
        means=tr("Take {title} back, so that it does not start", title=title),
        confirm=parts.confirm(
            tr("Take {title} back?", title=title),
            tr("It will not start by itself. It can be asked for again at any time."),
            tr("Take it back"),
            tr("Keep it"),
        ),
    )


def go_on_button(product: str, asks: str, label: str, means: str) -> ButtonElement:
    return parts.button(label, ids.GO_ON, ids.value(product, asks), means=means, style="primary")


def queue_button(product: str, version: str, ref: str | None) -> ButtonElement:
    """Under a refusal that will pass."""
    return parts.button(
        tr("Queue it"),
        ids.QUEUE,
        ids.value(product, version, ref or ""),
        means=tr("Let {title} start when its turn has come", title=f"{product} {version}"),
    )


# ----------------------------------------------------------------------- lists


def row(wish: Wish, place: int, zone: str) -> str:
    """A wish in one line: when, by whom, and what it waits for."""
    mark = "⛔" if wish.status is WishStatus.HALTED else "📅" if wish.due_at else "⏳"
    when = times.shown(wish.due_at, zone) if wish.due_at else tr("place {place} in the queue", place=place)
    said = [f"{mark} *{wish.version}*", when, tr("asked by {who}", who=words.person(wish.actor))]
    if wish.status is WishStatus.HALTED:
        said.append(tr("halted"))
    elif wish.code and wish.code != "already_running":
        said.append(sentences(Refused(wish.code, **wish.facts))[0])
    return " · ".join(said)


def rows(wishes: Sequence[Wish], zone: str) -> list[str]:
    """Wishes in their order. Only what is queued has a place: a time is its own."""
    queue = [wish.id for wish in wishes if wish.due_at is None]
    return [row(wish, queue.index(wish.id) + 1 if wish.due_at is None else 0, zone) for wish in wishes]


def board(product: str, wishes: Sequence[Wish], zone: str) -> Message:
    """What waits, for one person: each with its button, and one to let go on what is halted."""
    said = rows(wishes, zone)
    blocks: list[Part] = [
        parts.section(words.bold(tr("Scheduled and queued releases of {product}", product=product)))
    ]
    for wish, line in list(zip(wishes, said, strict=True))[:MOST_ROWS]:
        blocks.append(parts.section(line, accessory=cancel_button(product, wish.id, wish.version)))
    if len(wishes) > MOST_ROWS:
        blocks.append(parts.context(parts.and_more(len(wishes) - MOST_ROWS)))
    blocks.append(halted_actions(product, wishes))
    return Message(parts.cut("\n".join(said), parts.TEXT_LIMIT), parts.as_dicts(blocks))


def halted_actions(product: str, wishes: Sequence[Wish]) -> Part:
    """The button that lets go on what is halted; none while nothing is."""
    asks = next((wish.asks for wish in wishes if wish.asks), None)
    if asks is None:
        return None
    means = tr("Go on with the queue of {product}", product=product)
    return parts.actions(f"halt-{product}", go_on_button(product, asks, tr("Go on with the queue"), means))
