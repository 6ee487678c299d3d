"""Starting a release: by a command, by the form, by a shortcut."""

from handlers import forms, grammar, schedule
from handlers.blocks import start as blocks
from handlers.desk import Desk, Request
from handlers.text import ids, words
from handlers.text.language import tr
from pipeline.errors import PipelineError, Refused
from pipeline.models import Release
from pipeline.version import candidate_tags, latest_release, parse_version, release_of


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
    await forms.open_view(desk, request, blocks.start(names, product, await ready_versions(desk, product)))


async def submitted(desk: Desk, request: Request) -> None:
    """What the form says is a command like any other; the product is looked up."""
    fields = request.fields
    product = str(fields.get(ids.PRODUCT) or fields.get("product", ""))
    if product not in desk.service.config.products:
        raise Refused("which_product", products=", ".join(desk.service.config.products))
    typed = grammar.StartRelease(
        str(fields.get(ids.VERSION) or ""), (fields.get(ids.COMMIT) or "").strip() or None
    )
    await start(desk, request, product, typed)


async def with_examples(desk: Desk, product: str, refusal: Refused) -> Refused:
    """A refusal of the grammar, with the command's own name and the versions that could be released."""
    command = f"{desk.service.config.commands.release} {refusal.facts.get('word', '')}".rstrip()
    ready = await ready_versions(desk, product)
    example = ready[0] if ready else "v0.2.0"
    shown = {"command": command, "example": example, "candidates": ",".join(ready)}
    return Refused(refusal.code, **(refusal.facts | shown))


async def ready_versions(desk: Desk, product: str) -> list[str]:
    """Versions with a candidate tag that are newer than the last release; [] when the repository is away."""
    try:
        tags = await desk.service.ports(product).repository.tags()
    except PipelineError:
        return []
    last = latest_release(tags)
    named = {version for tag in tags if "-rc." in tag and (version := release_of(tag.split("-rc.")[0]))}
    newer = sorted(version for version in named if last is None or version > last)
    return [version.tag for version in newer if candidate_tags(tags, parse_version(version.tag))][:5]
