"""The watch: after production, the logs stay free of critical errors and the dashboard shows metrics."""

from datetime import datetime
from typing import Any

from pipeline.context import Context, Failed, Outcome, Passed, Waiting
from pipeline.errors import PipelineError
from pipeline.stages import deaths, limits
from pipeline.stages.common import kept_by, target
from pipeline.stages.logs import SHOWN, critical_lines, new_errors
from pipeline.stages.measure import NOW, sample


async def run(ctx: Context) -> Outcome:
    """Look, and come back, until the time is over. What is found goes to a person, with the way back."""
    since = datetime.fromisoformat(ctx.data("promote")["at"])
    until = max(since + ctx.playbook.watch.duration, _measured_by(ctx))
    if by := await kept_by(ctx):
        return Passed("watch_overruled", {"by": by})
    died = await deaths.look(ctx)
    await sample(ctx, {NOW: ctx.release.id})
    if unwell := await limits.broken(ctx) or await _said(ctx, since) or died:
        return unwell
    if ctx.clock() < until:
        again = min(until, ctx.clock() + ctx.playbook.watch.every)
        return Waiting("watching", {"until": until.timestamp()}, due_at=again)
    if found := await limits.unclear(ctx):
        return limits.asked(ctx, "watch_unclear", {"limits": found})
    if problem := await _dashboard_problem(ctx):
        return limits.asked(ctx, "dashboard_wrong", {"problem": problem})
    return await _well(ctx)


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


async def _well(ctx: Context) -> Passed:
    settings = ctx.playbook.watch
    minutes = round(settings.duration.total_seconds() / 60, 1)
    told: dict[str, Any] = {"minutes": minutes, "dashboard": settings.dashboard or ""}
    died = deaths.told(ctx)
    if count := deaths.counted(died):
        told |= {"died": {"count": count, "memory": died["memory"]}}
    return Passed("watch_passed", told | {"measured": await limits.measured(ctx)})


async def _dashboard_problem(ctx: Context) -> str | None:
    """Why the dashboard does not count as showing metrics; None when it does or the playbook names none."""
    settings = ctx.playbook.watch
    if settings.dashboard is None:
        return None
    address = target(ctx, "production").address() + settings.dashboard
    try:
        page = await ctx.ports.open_page(address)
    except PipelineError as error:
        return str(error)
    missing = [text for text in settings.dashboard_shows if text not in page]
    return f"{address} does not show {', '.join(missing)}" if missing else None
