"""Publish: the annotated tag and the CHANGELOG, in one atomic push; looked up before it is repeated."""

from pipeline.context import Context, Outcome, Passed, Waiting
from pipeline.errors import RepositoryError
from pipeline.events import request
from pipeline.version import parse_version


async def run(ctx: Context) -> Outcome:
    """Tag and CHANGELOG. Production is live already: a push that fails asks a person and can be tried again."""
    release = ctx.release
    version = parse_version(release.version)
    try:
        entry = await ctx.ports.changelog.entry(
            release.commit, release.base_commit, str(version), release.created_at
        )
        ctx.guard()
        published = await ctx.ports.repository.publish(
            sha=release.commit,
            tag=version.tag,
            message=f"{release.product} {version.tag}\n\n{entry}",
            changelog=entry,
            at=release.created_at,
        )
    except RepositoryError as error:
        problem = ctx.ports.redact(str(error))
        return Waiting("publish_failed", {"error": problem}, asks=request("decision", ctx.run.id))
    return Passed("published", {"tag": published.tag, "changelog": published.changelog_commit or ""})
