"""Build: one immutable image per component, built once and promoted by digest."""

from sqlalchemy import delete

from pipeline import config
from pipeline.config import Component
from pipeline.context import Context, Outcome, Passed
from pipeline.models import Image as ImageRow
from pipeline.ports import BuildOrder, Image, Recipe
from pipeline.stages.common import images
from pipeline.together import together

BUILD_SECONDS = 1800.0
"""A build that takes longer than half an hour is stuck."""


async def run(ctx: Context) -> Outcome:
    """Build every component; what this release already built is used as it is."""
    made = await together(*(image_of(ctx, name) for name in ctx.playbook.components))
    async with ctx.recording() as session:
        await session.execute(delete(ImageRow).where(ImageRow.release_id == ctx.release.id))
        session.add_all([_row(ctx, image) for image in made])
    return Passed("built", {"images": {image.component: image.digest for image in made}})


async def image_of(ctx: Context, component: str) -> Image:
    """The image of a component of this release: the one on record, or built, or found again by the builder."""
    built = {image.component: image for image in await images(ctx, ctx.release.id)}.get(component)
    if built and await ctx.ports.builder.exists(built):
        return built
    return await ctx.ports.builder.build(_order(ctx, component, ctx.playbook.components[component]))


def _order(ctx: Context, name: str, component: Component) -> BuildOrder:
    return BuildOrder(
        product=ctx.release.product,
        component=name,
        version=ctx.release.version,
        commit=ctx.release.commit,
        release_id=ctx.release.id,
        checkout=ctx.checkout,
        sources=component.sources,
        commands=component.build,
        timeout=BUILD_SECONDS,
        log=ctx.folder / "logs" / f"build-{name}.log",
        recipe=_recipe(component.image),
    )


def _recipe(written: config.Recipe | None) -> Recipe | None:
    return Recipe(written.dockerfile, written.target, written.args) if written else None


def _row(ctx: Context, image: Image) -> ImageRow:
    return ImageRow(
        release_id=ctx.release.id,
        component=image.component,
        version=ctx.release.version,
        digest=image.digest,
        reference=image.reference,
    )
