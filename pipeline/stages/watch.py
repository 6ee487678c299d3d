"""The watch: after production, the logs stay free of critical errors and the dashboard shows metrics."""

from datetime import datetime
from typing import Any

from pipeline.context import Context, Failed, Outcome, Passed, Waiting
from pipeline.stages import dashboard, deaths, limits
from pipeline.stages.common import kept_by
from pipeline.stages.logs import SHOWN, critical_lines, new_errors
from pipeline.stages.measure import NOW, sample


async def run(ctx: Context) -> Outcome:
    """Look, and come back, until the time is over. What is found goes to a person, with the way back."""
    begun = ctx.clock()
    since = datetime.fromisoformat(ctx.data("promote")["at"])
    until = max(since + ctx.playbook.watch.duration, _measured_by(ctx))
    if by := await kept_by(ctx):
        return Passed("watch_overruled", {"by": by})
    died = await deaths.look(ctx)
    await sample(ctx, {NOW: ctx.release.id})
    if unwell := await limits.broken(ctx) or await _said(ctx, since) or died:
        return unwell
    seen = await dashboard.look(ctx)
    if ctx.clock() < until or (seen["failed"] and not dashboard.lasting(seen)):
        return _look_again(ctx, begun, until, seen)
    if found := await limits.unclear(ctx):
        return limits.asked(ctx, "watch_unclear", {"limits": found})
    if lapse := dashboard.lasting(seen):
        return limits.asked(ctx, "dashboard_wrong", {"problem": lapse["problem"]})
    return await _well(ctx, seen)


def _look_again(ctx: Context, begun: datetime, until: datetime, seen: dashboard.State) -> Waiting:
    """The next look is due as long after this one's beginning, however long a page took to open. At the end a page
    that did not open is given one more look."""
    every, now = ctx.playbook.watch.every, ctx.clock()
    again = max(begun + every, now + every / 2)
    lapse = dashboard.lasting(seen)
    facts = {"until": until.timestamp()} | ({"dashboard": dict(lapse)} if lapse else {})
    return Waiting("watching", facts, due_at=min(until, again) if now < until else again)


def _measured_by(ctx: Context) -> datetime:
    """When there can be windows to judge: smoke tests may have taken as long as a short watch."""
    settings = ctx.playbook.watch
    return (
        ctx.run.started_at + max((limit.sustained for limit in settings.limits), default=0) * settings.every
    )


async def _said(ctx: Context, since: datetime) -> Failed | Waiting | None:
    lines = await critical_lines(ctx, since)
    if not lines:
        return await new_errors(ctx, since)
    facts = {"count": len(lines), "lines": [ctx.ports.redact(line)[:300] for line in lines[:SHOWN]]}
    return limits.asked(ctx, "watch_critical", facts)


async def _well(ctx: Context, seen: dashboard.State) -> Passed:
    settings = ctx.playbook.watch
    minutes = round(settings.duration.total_seconds() / 60, 1)
    told: dict[str, Any] = {"minutes": minutes, "dashboard": settings.dashboard or ""}
    died = deaths.told(ctx)
    if count := deaths.counted(died):
        told |= {"died": {"count": count, "memory": died["memory"]}}
    if seen["lapses"]:
        told |= {"lapses": seen["lapses"]}
    return Passed("watch_passed", told | {"measured": await limits.measured(ctx)})
