"""Clicks. A button carries hints only; what is done is decided by the state that is looked up."""

from handlers import closing, forms, starting
from handlers.desk import Desk, Request
from handlers.text import ids
from handlers.text.language import spoken_in
from handlers.text.stages import outcome
from pipeline import deciding, proposing, retrying, ticking, turning
from pipeline.errors import Refused


async def approve(desk: Desk, request: Request) -> None:
    release, run = two(request)
    await forms.open_approval(desk, request, release, run)


async def reject(desk: Desk, request: Request) -> None:
    release, run = two(request)
    await forms.open_rejection(desk, request, release, run)


async def roll_back(desk: Desk, request: Request) -> None:
    await forms.open_rollback(desk, request, "", _parts(request)[0])


async def roll_back_message(desk: Desk, request: Request) -> None:
    """The shortcut on a message: the release that the message is about, else the one in production."""
    release = _parts(request)[0]
    product = "" if release else desk.service.product_of(request.channel)
    await forms.open_rollback(desk, request, product, release or None)


async def start(desk: Desk, request: Request) -> None:
    await starting.open_form(desk, request)


async def tick(desk: Desk, request: Request) -> None:
    release, item = two(request)
    await ticking.tick(desk.service, request.actor, release, item)


async def untick(desk: Desk, request: Request) -> None:
    release, item = two(request)
    await ticking.untick(desk.service, request.actor, release, item)


async def keep(desk: Desk, request: Request) -> None:
    release, run = two(request)
    await deciding.settle(desk.service, request.actor, release, run, "keep", request.origin)


async def go_back(desk: Desk, request: Request) -> None:
    """The reason is told in the channel, in its language: what was measured."""
    release, number = two(request)
    found = await desk.service.snapshot(release)
    run = found.run_by_id(number)
    with spoken_in(desk.service.product(found.release.product).language):
        reason = outcome(run).replace("`", "") if run else ""
    await proposing.go_back(desk.service, request.actor, release, number, reason, request.origin)


async def again(desk: Desk, request: Request) -> None:
    release, run = two(request)
    await deciding.settle(desk.service, request.actor, release, run, "again", request.origin)


async def retry(desk: Desk, request: Request) -> None:
    await retrying.retry(desk.service, request.actor, _parts(request)[0], request.origin)


async def pause(desk: Desk, request: Request) -> None:
    await retrying.pause(desk.service, request.actor, _parts(request)[0], "", request.origin)


async def resume(desk: Desk, request: Request) -> None:
    await retrying.resume(desk.service, request.actor, _parts(request)[0], request.origin)


async def overrule(desk: Desk, request: Request) -> None:
    release, run = two(request)
    await forms.open_overruling(desk, request, release, run)


async def abort(desk: Desk, request: Request) -> None:
    await turning.abort(desk.service, request.actor, _parts(request)[0], "", request.origin)


async def unlock(desk: Desk, request: Request) -> None:
    """The button stands on a rollback's announcement: it opens that lock only, not a later one."""
    product, _, release = ":".join(_parts(request)).partition(":")
    newest = await desk.service.recent(product, 1)
    if not newest or newest[0].id != release:
        raise Refused("out_of_date", version="the product")
    reason = await turning.unlock(desk.service, request.actor, product, request.origin)
    if reason is not None:
        await closing.tell_unlocked(desk, request, product, reason)


async def nothing(desk: Desk, request: Request) -> None:
    """Link buttons report their click too; the browser has done the rest."""


def _parts(request: Request) -> list[str]:
    return ids.parts(str(request.fields.get("value") or ""))


def two(request: Request) -> tuple[str, int]:
    """A control's release and a number; whatever a tampered value holds instead finds nothing."""
    release, _, number = ":".join(_parts(request)).partition(":")
    return release, int(number) if number.isascii() and number.isdecimal() and len(number) < 15 else -1
