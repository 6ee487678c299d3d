"""Services that end by themselves after a release: they are started again, and counted."""

from typing import Any

from pipeline.context import Context, Failed, Waiting
from pipeline.stages import limits
from pipeline.stages.common import bundle, target


async def look(ctx: Context) -> Failed | Waiting | None:
    """Start again what does not run. The outcome of a stage where the playbook's policy makes one of it."""
    place = target(ctx, "production")
    gone = await place.missing()
    if gone:
        await place.prepare(await bundle(ctx, "production"))
    found = await place.deaths(ctx.release.id)
    before = told(ctx)
    mine = sum(ctx.release.version in sentence for sentence in gone)
    now = {
        "found": before["found"] + mine,
        "restarts": max(before["restarts"], found.restarts),
        "memory": sorted({*before["memory"], *found.out_of_memory}),
    }
    if now != before:
        await ctx.remember(deaths=now)
    if counted(now) == 0 or ctx.playbook.watch.restarts == "off":
        return None
    facts = {"count": counted(now), "memory": now["memory"]}
    return await limits.by_policy(ctx, ctx.playbook.watch.restarts, "services_died", facts)


def told(ctx: Context) -> dict[str, Any]:
    """What is known so far: found dead here, brought back by whoever runs them, and which ran out of memory."""
    kept: dict[str, Any] = ctx.run.data.get("deaths", {"found": 0, "restarts": 0, "memory": []})
    return kept


def counted(deaths: dict[str, Any]) -> int:
    """How often services died. One that ran out of memory has died at least once."""
    return max(int(deaths["found"]) + int(deaths["restarts"]), len(deaths["memory"]))
