"""Locks and freezes that people make and end: commands and buttons."""

from zoneinfo import ZoneInfo

from handlers import grammar, phrases
from handlers.desk import Desk, Request
from handlers.text import ids
from handlers.text.language import tr
from handlers.text.words import safe
from pipeline import locking
from pipeline.errors import Refused


def now(desk: Desk, product: str) -> phrases.Now:
    """When and where a time is typed: people of a product mean its zone, wherever they are."""
    return phrases.Now(desk.service.clock(), ZoneInfo(desk.service.product(product).timezone))


async def lock(desk: Desk, request: Request, product: str, typed: grammar.Lock) -> None:
    said = phrases.lock(typed.rest, now(desk, product))
    await locking.lock(
        desk.service, request.actor, product, said.environment, said.reason, said.until, request.origin
    )
    await tell_elsewhere(desk, request, product)


async def unlock(desk: Desk, request: Request, product: str, typed: grammar.Unlock) -> None:
    await open_lock(desk, request, product, typed.environment)


async def open_lock(
    desk: Desk, request: Request, product: str, environment: str, said: str | None = None
) -> None:
    """Open an environment, once for this request, and tell who did."""
    opened = await locking.unlock(desk.service, request.actor, product, environment, request.origin, said)
    if opened and opened.by_hand:
        await tell_elsewhere(desk, request, product)
    elif opened:
        await tell_unlocked(desk, request, product, opened.reason)


async def tell_unlocked(desk: Desk, request: Request, product: str, reason: str) -> None:
    """What the person reads who opened the lock that a rollback left."""
    unlocked = tr("Production of {product} is unlocked; the next release can start.", product=product)
    was = tr("It was locked because: {reason}", reason=safe(reason))
    await desk.tell(request, f"🔓 *{unlocked}*\n{was}")


async def freeze(desk: Desk, request: Request, product: str, typed: grammar.Freeze) -> None:
    said = phrases.freeze(typed.rest, now(desk, product))
    await locking.freeze(desk.service, request.actor, product, said.until, said.reason, request.origin)
    await tell_elsewhere(desk, request, product)


async def unfreeze(desk: Desk, request: Request, product: str, typed: grammar.Unfreeze) -> None:
    if await locking.unfreeze(desk.service, request.actor, product, request.origin):
        await tell_elsewhere(desk, request, product)


async def tell_elsewhere(desk: Desk, request: Request, product: str) -> None:
    """What is told in the product's channel is seen there; who typed in another one is told where to look."""
    channel = desk.service.product(product).channel
    if request.channel not in (channel, ""):
        await desk.tell(request, "✅ " + tr("Done; it is told in {channel}.", channel=f"<#{channel}>"))


# -------------------------------------------------------------------- buttons


async def press_unlock(desk: Desk, request: Request) -> None:
    """The button of a lock's message: it opens that lock only, not a later one."""
    product, environment, said = hints(desk, request, 3)
    await open_lock(desk, request, product, environment, said)


async def press_thaw(desk: Desk, request: Request) -> None:
    """The button of a freeze's message."""
    product, said = hints(desk, request, 2)
    await locking.unfreeze(desk.service, request.actor, product, request.origin, said)


def hints(desk: Desk, request: Request, count: int) -> list[str]:
    """The parts of a button's value; the last one may hold colons. Raises Refused for a product that there is not."""
    found = ids.parts(str(request.fields.get("value") or ""))
    if len(found) < count or found[0] not in desk.service.config.products:
        raise Refused("out_of_date", version="the product")
    return [*found[: count - 1], ":".join(found[count - 1 :])]
