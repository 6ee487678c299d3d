"""Break-glass: starting a hotfix, and going on with it when nobody could be reached."""

from handlers import actions, forms, grammar, starting
from handlers.blocks import hotfix as blocks
from handlers.desk import Desk, Request
from handlers.text import ids
from pipeline import alone, hotfixing
from pipeline.errors import Refused


async def start(desk: Desk, request: Request, product: str, typed: grammar.Hotfix) -> None:
    """`/release hotfix v0.2.1 [commit] <reason>`; what is missing is asked for by a form."""
    await hotfixing.check(desk.service, request.actor, product)
    if not (typed.version and typed.reason):
        ready = await starting.ready_versions(desk, product)
        await forms.open_view(desk, request, blocks.form_of(product, typed.version, typed.ref, ready))
        return
    await _begin(desk, request, product, typed.version, typed.ref, typed.reason)


async def submitted(desk: Desk, request: Request) -> None:
    """The form of a hotfix; the product is looked up."""
    fields = request.fields
    product = str(fields.get("product", ""))
    if product not in desk.service.config.products:
        raise Refused("which_product", products=", ".join(desk.service.config.products))
    ref = (fields.get(ids.COMMIT) or "").strip() or None
    version, reason = str(fields.get(ids.VERSION) or ""), str(fields.get(ids.REASON) or "")
    await _begin(desk, request, product, version, ref, reason)


async def _begin(
    desk: Desk, request: Request, product: str, version: str, ref: str | None, reason: str
) -> None:
    release = await hotfixing.start(
        desk.service, request.actor, product, version, ref, reason, request.origin
    )
    await starting.tell_elsewhere(desk, request, release)


async def press_alone(desk: Desk, request: Request) -> None:
    """The form in which who asked says whom they tried to reach; refused at once when it may not be."""
    release, run = actions.two(request)
    found = await alone.check(desk.service, request.actor, release, run)
    await forms.open_view(desk, request, blocks.alone(found, run))


async def went_on(desk: Desk, request: Request) -> None:
    """The form that records that nobody could be reached."""
    hints = request.fields
    reason = hints.get(ids.REASON) or ""
    await alone.go_on(desk.service, request.actor, *forms.target(hints), reason, request.origin)
