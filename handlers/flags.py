"""`/release flags`: the list, and switching a flag with one confirmation."""

import json

from handlers import asking
from handlers.blocks import flags as blocks
from handlers.blocks import parts
from handlers.desk import Desk, Request
from handlers.flags_grammar import ShowFlags, SwitchFlag
from handlers.text.language import tr
from handlers.text.words import safe
from pipeline import switching
from pipeline.errors import Refused
from pipeline.switching import Wish


async def show(desk: Desk, request: Request, product: str, typed: ShowFlags) -> None:
    """How the flags stand in each environment."""
    boards = await switching.boards(desk.service, product)
    said = blocks.board(boards, product, desk.service.config.commands.release)
    way = asking.button(product, "flags", tr("Switch one…"))
    await desk.tell(request, said.text, [*said.blocks, *parts.as_dicts([way])])


async def ask(desk: Desk, request: Request, product: str, typed: SwitchFlag) -> None:
    """Ask whether the flag is really to be switched."""
    wish = Wish(product, typed.environment, typed.key, typed.on, typed.reason, request.origin)
    now = await switching.check(desk.service, request.actor, wish)
    if now.flag.on is wish.on:
        await desk.tell(request, f"🚦 {_is_so(wish)} " + tr("It was so already."))
    else:
        said = blocks.asked(wish, now)
        await desk.tell(request, said.text, said.blocks)


async def pressed(desk: Desk, request: Request) -> None:
    """A switch was confirmed. It is read back as an application gets it, so that the answer may take a moment."""
    wish = _wish(desk, request)
    changed = await switching.switch(desk.service, request.actor, wish)
    already = "" if changed else " " + tr("It was so already.")
    confirmed = tr("An application reads it so.")
    await desk.tell(request, f"🚦 {_is_so(wish)}{already} {confirmed}")


def _is_so(wish: Wish) -> str:
    facts = {"flag": safe(wish.key, 80), "environment": wish.environment, "product": wish.product}
    if wish.on:
        return tr("`{flag}` is on in {environment} of {product}.", **facts)
    return tr("`{flag}` is off in {environment} of {product}.", **facts)


def _wish(desk: Desk, request: Request) -> Wish:
    """What the button says, however it was tampered with: it can only ask for what could be typed."""
    try:
        product, environment, key, on, reason = json.loads(str(request.fields.get("value")))
    except (ValueError, TypeError) as error:
        raise Refused("out_of_date", version="the product") from error
    if product not in desk.service.config.products or not isinstance(on, bool):
        raise Refused("out_of_date", version="the product")
    return Wish(str(product), str(environment), str(key), on, str(reason), request.origin)
