"""Starting a release: by a command, by the form, by a shortcut."""

from handlers import asking, grammar, schedule
from handlers.choices import ready_versions
from handlers.desk import Desk, Request
from handlers.text import words
from handlers.text.language import tr
from pipeline.errors import Refused
from pipeline.models import Release


async def start(desk: Desk, request: Request, product: str, typed: grammar.StartRelease) -> None:
    """Start it, and say where it is shown when that is elsewhere. What will pass is refused with a way to wait."""
    channel = desk.service.product(product).channel
    try:
        release = await desk.service.start(
            request.actor, product, typed.version, typed.ref, channel, request.origin
        )
    except Refused as refusal:
        await schedule.offer(desk, request, product, typed, refusal)
        return
    await tell_elsewhere(desk, request, release)


async def tell_elsewhere(desk: Desk, request: Request, release: Release) -> None:
    """Say where a release is shown to who started it in another channel."""
    if release.channel != request.channel:
        channel = f"<#{release.channel}>"
        begun = tr("{title} has begun; follow it in {channel}.", title=words.title(release), channel=channel)
        await desk.tell(request, f"🚀 {begun}")


async def open_form(desk: Desk, request: Request) -> None:
    """The form, from the Home tab, a shortcut, or a command that named no version."""
    names = list(desk.service.config.products)
    try:
        product = desk.service.product_of(request.channel)
    except Refused:
        product = names[0]
    await asking.open_form(desk, request, product, "", [])


async def with_examples(desk: Desk, product: str, refusal: Refused) -> Refused:
    """A refusal of the grammar, with the command's own name and the versions that could be released."""
    command = f"{desk.service.config.commands.release} {refusal.facts.get('word', '')}".rstrip()
    ready = await ready_versions(desk, product)
    example = ready[0] if ready else "v0.2.0"
    shown = {"command": command, "example": example, "candidates": ",".join(ready)}
    return Refused(refusal.code, **(refusal.facts | shown))
