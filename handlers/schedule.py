"""Releases at a time or in their turn: commands and buttons."""

import contextlib
from typing import Any

from handlers import asking, grammar
from handlers.blocks import parts
from handlers.blocks import schedule as blocks
from handlers.closing import hints
from handlers.desk import Desk, Request
from handlers.phrases import SchedulePhrase
from handlers.text import times
from handlers.text.language import tr
from pipeline import freezes, wishes
from pipeline.errors import Refused
from pipeline.outlook import outlook
from pipeline.version import parse_version
from pipeline.wishes import Placed

WORTH_QUEUEING = frozenset({"already_running", "locked", "locked_by_hand", "frozen"})
"""Refusals of a start after which a release may as well wait for its turn."""


async def schedule(desk: Desk, request: Request, product: str, typed: grammar.Schedule) -> None:
    """`/release schedule`: what waits; and the form, for who may."""
    with contextlib.suppress(Refused):  # the list is answered in any case
        await asking.open_form(desk, request, product, "schedule", [])
    await show(desk, request, product)


async def schedule_at(desk: Desk, request: Request, product: str, typed: SchedulePhrase) -> None:
    """`/release schedule v0.2.0 2026-12-01 10:00`"""
    placed = await wishes.ask(
        desk.service, request.actor, product, typed.version, typed.ref, typed.at, request.origin
    )
    await desk.tell(request, _scheduled(desk, product, placed))


async def queue(desk: Desk, request: Request, product: str, typed: grammar.Queue) -> None:
    """`/release queue v0.2.0`; without a version the list."""
    if typed.version is None:
        await show(desk, request, product)
    else:
        await _queue(desk, request, product, typed.version, typed.ref)


async def _queue(desk: Desk, request: Request, product: str, version: str, ref: str | None) -> None:
    placed = await wishes.ask(desk.service, request.actor, product, version, ref, None, request.origin)
    await desk.tell(request, _queued(product, placed))


async def unschedule(desk: Desk, request: Request, product: str, typed: grammar.Unschedule) -> None:
    """`/release unschedule v0.2.0`, also for what is queued."""
    wish = await wishes.cancel(desk.service, request.actor, product, request.origin, version=typed.version)
    if wish is not None:
        await desk.tell(
            request, "🚫 " + tr("{title} will not start by itself.", title=f"{product} {wish.version}")
        )


async def show(desk: Desk, request: Request, product: str) -> None:
    """What waits, in the order of its turns, and the way to have something wait."""
    found = await outlook(desk.service, product)
    more = parts.as_dicts([asking.button(product, "queue", tr("Queue a release…"))])
    if found.wishes:
        message = blocks.board(product, found.wishes, found.zone)
        await desk.tell(request, message.text, [*message.blocks, *more])
    else:
        none = tr("Nothing of {product} is scheduled or queued.", product=product)
        await desk.tell(request, none, [*parts.as_dicts(parts.lines([none])), *more])


def _scheduled(desk: Desk, product: str, placed: Placed) -> str:
    """What was understood; and what is known already of that time."""
    wish, settings = placed.wish, desk.service.product(product)
    assert wish.due_at is not None
    time = times.shown(wish.due_at, settings.timezone)
    said = ["📅 " + tr("{title} is to start {when}.", title=f"{product} {wish.version}", when=time)]
    if frozen := freezes.standing(settings, None, wish.due_at):
        end = times.until(frozen.until, settings.timezone) if frozen.until else tr("with no end in sight")
        said.append(
            "🧊 " + tr("Production is frozen then, {until}: it would wait until that is over.", until=end)
        )
    return "\n".join([*said, *_before(placed)])


def _queued(product: str, placed: Placed) -> str:
    place = len(placed.before) + 1
    title = f"{product} {placed.wish.version}"
    said = "⏳ " + tr("{title} is in the queue, at place {place}.", title=title, place=place)
    return "\n".join([said, *_before(placed)])


def _before(placed: Placed) -> list[str]:
    if placed.wish.code == wishes.FAILED:
        return ["⛔ " + tr("The queue is halted: a release failed. Somebody has to let it go on.")]
    if not placed.before:
        return []
    return [
        tr("Before it: {versions}.", versions=", ".join(f"`{version}`" for version in placed.before[:10]))
    ]


# ---------------------------------------------------------- offered in a refusal


async def offer(
    desk: Desk, request: Request, product: str, typed: grammar.StartRelease, refusal: Refused
) -> None:
    """Refuse a start, with the way to let it wait for its turn."""
    if refusal.code not in WORTH_QUEUEING:
        raise refusal
    version = parse_version(typed.version).tag
    if refusal.code == "already_running" and refusal.facts["version"] == version:
        raise refusal
    text = desk.refusal(refusal)
    button = parts.actions("queue", blocks.queue_button(product, version, typed.ref))
    body: list[dict[str, Any]] = parts.as_dicts([*parts.lines(text.split("\n")), button])
    await desk.tell(request, text, body)


async def press_queue(desk: Desk, request: Request) -> None:
    """What the button says is read like a command: everything is looked at."""
    product, version, ref = hints(desk, request, 3)
    await _queue(desk, request, product, version, ref or None)


async def press_cancel(desk: Desk, request: Request) -> None:
    product, wish = hints(desk, request, 2)
    await wishes.cancel(desk.service, request.actor, product, request.origin, wish_id=wish or "none")


async def press_go_on(desk: Desk, request: Request) -> None:
    product, asks = hints(desk, request, 2)
    await wishes.go_on(desk.service, request.actor, product, asks, request.origin)
