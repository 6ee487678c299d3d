"""Build: one immutable image per component, built once and promoted by digest."""

from sqlalchemy import delete

from pipeline.config import Component
from pipeline.context import Context, Outcome, Passed
from pipeline.models import Image as ImageRow
from pipeline.ports import BuildOrder, Image
from pipeline.stages.common import images
from pipeline.together import together

BUILD_SECONDS = 1800.0
"""A build that takes longer than half an hour is stuck."""


async def run(ctx: Context) -> Outcome:
    """Build every component; what this release already built is used as it is."""
    built = {image.component: image for image in await images(ctx, ctx.release.id)}
    made = await together(
        *(
            _image(ctx, name, component, built.get(name))
            for name, component in ctx.playbook.components.items()
        )
    )
    async with ctx.recording() as session:
        await session.execute(delete(ImageRow).where(ImageRow.release_id == ctx.release.id))
        session.add_all([_row(ctx, image) for image in made])
    return Passed("built", {"images": {image.component: image.digest for image in made}})


async def _image(ctx: Context, name: str, component: Component, built: Image | None) -> Image:
    if built and await ctx.ports.builder.exists(built):
        return built
    return await ctx.ports.builder.build(
        BuildOrder(
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
        )
    )


def _row(ctx: Context, image: Image) -> ImageRow:
    return ImageRow(
        release_id=ctx.release.id,
        component=image.component,
        version=ctx.release.version,
        digest=image.digest,
        reference=image.reference,
    )
