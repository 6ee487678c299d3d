"""Locks and freezes that people make and end: commands and buttons."""

from handlers import asking, grammar
from handlers.desk import Desk, Request
from handlers.phrases import FreezePhrase, LockPhrase
from handlers.text import ids
from handlers.text.language import tr
from handlers.text.words import safe
from pipeline import locking
from pipeline.errors import Refused
from pipeline.outlook import outlook


async def lock(desk: Desk, request: Request, product: str, typed: LockPhrase) -> None:
    await locking.lock(
        desk.service, request.actor, product, typed.environment, typed.reason, typed.until, request.origin
    )
    await tell_elsewhere(desk, request, product)


async def unlock(desk: Desk, request: Request, product: str, typed: grammar.Unlock) -> None:
    """`/release unlock [environment]`; which one is asked where it is not clear."""
    closed = [lock.environment for lock in (await outlook(desk.service, product)).locks]
    if typed.environment is None and "staging" in closed and request.trigger is not None:
        await asking.open_form(desk, request, product, "unlock", [])
    else:
        await open_lock(desk, request, product, typed.environment or "production")


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


async def freeze(desk: Desk, request: Request, product: str, typed: FreezePhrase) -> None:
    await locking.freeze(desk.service, request.actor, product, typed.until, typed.reason, request.origin)
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
