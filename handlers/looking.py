"""Commands that only look: what runs, what was, what would happen."""

from collections.abc import Sequence

from handlers import asking, grammar
from handlers.blocks import outlook as outlook_blocks
from handlers.blocks import overview, parts
from handlers.blocks import plan as plan_blocks
from handlers.blocks.card import card
from handlers.desk import Desk, Request
from handlers.text import words
from handlers.text.language import tr
from handlers.working import current, latest, of_version
from pipeline import logs as keeping
from pipeline import plan as planning
from pipeline.errors import Refused
from pipeline.outlook import outlook
from pipeline.snapshot import Snapshot


async def status(desk: Desk, request: Request, product: str, typed: grammar.ShowStatus) -> None:
    """What runs, or is live; what keeps releases out, and what waits for its time."""
    found = await current(desk, product)
    closed = outlook_blocks.lines(await outlook(desk.service, product))
    await _show(desk, request, product, found, closed)


async def recent(desk: Desk, request: Request, product: str, typed: grammar.ListReleases) -> None:
    """The last releases."""
    releases = await desk.service.recent(product)
    if not releases:
        raise Refused("nothing_released")
    rows = overview.rows(releases)
    await desk.tell(request, "\n".join(rows), parts.as_dicts(parts.lines(rows)))


async def show(desk: Desk, request: Request, product: str, typed: grammar.Show) -> None:
    """One release, however long ago."""
    await _show(desk, request, product, await of_version(desk, product, typed.version))


async def logs(desk: Desk, request: Request, product: str, typed: grammar.Logs) -> None:
    """What a release's commands wrote: which there are, or one of them as a file in the release's thread."""
    found = await (of_version(desk, product, typed.version) if typed.version else latest(desk, product))
    title = words.title(found.release)
    if typed.name:
        shown = await keeping.show(desk.service, request.actor, found, typed.name, request.origin)
        said = tr("The output of `{name}` of {title} comes into its thread.", name=shown, title=title)
        await desk.tell(request, f"📄 {said}")
        return
    there = await keeping.names(desk.service, found)
    said = f"📄 {_there(title, there, desk.service.config.commands.release)}"
    way = asking.button(product, f"logs {found.release.version}", tr("Show one…")) if there else None
    await desk.tell(request, said, parts.as_dicts([*parts.lines(said.split("\n")), way]))


def _there(title: str, there: Sequence[str], command: str) -> str:
    if not there:
        return tr("No command of {title} wrote anything, or it was tidied away since.", title=title)
    listed = ", ".join(f"`{name}`" for name in there[-60:])
    return tr(
        "Output of {title}: {names}.\n`{command} logs {example}` shows one of them.",
        title=title,
        names=listed,
        command=command,
        example=there[-1],
    )


async def _show(
    desk: Desk, request: Request, product: str, found: Snapshot, more: Sequence[str] = ()
) -> None:
    """A release's message as it is now, without its buttons; and more lines about its product."""
    message = card(found, desk.service.product(product))
    silent = [block for block in message.blocks if block["type"] != "actions"]
    text = "\n".join([message.text, *more])
    await desk.tell(request, text, [*silent, *parts.as_dicts(parts.lines(more))])


async def plan(desk: Desk, request: Request, product: str, typed: grammar.Plan) -> None:
    """What a release would do."""
    found = await planning.plan(desk.service, product, typed.version, typed.ref)
    message = plan_blocks.plan(found, desk.service.product(product), desk.service.config.commands)
    await desk.tell(request, message.text, message.blocks)
