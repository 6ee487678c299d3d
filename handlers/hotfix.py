"""Break-glass: starting a hotfix, and going on with it when nobody could be reached."""

from handlers import actions, asked, asking, forms, starting
from handlers.blocks import hotfix as blocks
from handlers.desk import Desk, Request
from handlers.text import ids
from pipeline import alone, hotfixing


async def start(desk: Desk, request: Request, product: str, typed: asked.Hotfix) -> None:
    """`/release hotfix v0.2.1 [commit] <reason>`; what is missing is asked for by a form."""
    if not (typed.version and typed.reason):
        words = [word for word in (typed.version, typed.ref, typed.reason) if word]
        await asking.open_form(desk, request, product, "hotfix", words)
        return
    release = await hotfixing.start(
        desk.service, request.actor, product, typed.version, typed.ref, typed.reason, request.origin
    )
    await starting.tell_elsewhere(desk, request, release)


async def press_alone(desk: Desk, request: Request) -> None:
    """The form in which who asked says whom they tried to reach; refused at once when it may not be."""
    release, run = actions.two(request)

    async def draw() -> forms.View:
        return blocks.alone(await alone.check(desk.service, request.actor, release, run), run)

    await forms.open_soon(desk, request, draw)


async def went_on(desk: Desk, request: Request) -> None:
    """The form that records that nobody could be reached."""
    hints = request.fields
    reason = hints.get(ids.REASON) or ""
    await alone.go_on(desk.service, request.actor, *forms.target(hints), reason, request.origin)
