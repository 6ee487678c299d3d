"""The watch: after production, the logs stay free of critical errors and the dashboard shows metrics."""

import re
from datetime import datetime

from pipeline.context import Context, Outcome, Passed, Waiting
from pipeline.errors import PipelineError
from pipeline.events import request
from pipeline.stages.common import bundle, kept_by, target

SHOWN = 5
"""Log lines shown to people; the rest is counted."""


async def run(ctx: Context) -> Outcome:
    """Look, and come back, until the time is over. What is found goes to a person, with the way back."""
    since = datetime.fromisoformat(ctx.data("promote")["at"])
    until = since + ctx.playbook.watch.duration
    asks = request("decision", ctx.run.id)
    if by := await kept_by(ctx):
        return Passed("watch_overruled", {"by": by})
    if await target(ctx, "production").missing():
        await target(ctx, "production").prepare(await bundle(ctx, "production"))
    lines = await critical_lines(ctx, since)
    if lines:
        facts = {"count": len(lines), "lines": [ctx.ports.redact(line)[:300] for line in lines[:SHOWN]]}
        return Waiting("watch_critical", facts, asks=asks)
    if ctx.clock() < until:
        again = min(until, ctx.clock() + ctx.playbook.watch.every)
        return Waiting("watching", {"until": until.timestamp()}, due_at=again)
    if problem := await _dashboard_problem(ctx):
        return Waiting("dashboard_wrong", {"problem": problem}, asks=asks)
    minutes = round(ctx.playbook.watch.duration.total_seconds() / 60, 1)
    return Passed("watch_passed", {"minutes": minutes, "dashboard": ctx.playbook.watch.dashboard or ""})


async def critical_lines(ctx: Context, since: datetime) -> list[str]:
    """The release's production log lines that match the playbook's pattern, oldest first."""
    pattern = re.compile(ctx.playbook.watch.critical)
    lines = await target(ctx, "production").logs(ctx.release.id, since)
    return [line for line in lines if pattern.search(line)]


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
