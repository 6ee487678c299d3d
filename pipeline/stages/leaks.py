"""Secrets that were committed since the last release: found before anything of them is deployed."""

from typing import Any

from pipeline.context import Context, Outcome, Passed, Waiting
from pipeline.events import request
from pipeline.stages.common import kept_by

SHOWN = 10
"""Places named to people; the rest is counted."""


async def look(ctx: Context) -> Outcome:
    """Look through every commit since the version in service. Each place is named; no value is kept.

    What was committed stays in the history, so that only people can say that it is worthless by now.
    """
    if by := await kept_by(ctx):
        return Passed("leaks_revoked", {"by": by})
    repository, release = ctx.ports.repository, ctx.release
    found = await ctx.ports.scanner.scan(await repository.patch(release.base_commit, release.commit))
    if not found:
        return Passed("no_leaks")
    places: list[dict[str, Any]] = [vars(leak) for leak in found[:SHOWN]]
    return Waiting("leaks", {"places": places, "count": len(found)}, asks=request("decision", ctx.run.id))
