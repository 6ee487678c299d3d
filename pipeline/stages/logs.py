"""What a release's services say in production: critical lines, and errors that the version before never had."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from pipeline.context import Context, Failed, Waiting
from pipeline.loglines import Entry, entries, errors, new_shapes, shapes
from pipeline.stages import limits
from pipeline.stages.common import target

SHOWN = 5
"""Log lines shown to people; the rest is counted."""
BACK = timedelta(days=7)
"""How far back the log of the version before tells which errors are known."""


async def critical_lines(ctx: Context, since: datetime) -> list[str]:
    """What the release said in production that matches the playbook's pattern, oldest first, tracebacks joined."""
    found = await _entries(ctx, ctx.release.id, since)
    return [entry.line for entry, _ in errors(found, ctx.playbook.watch.critical) if not entry.is_traceback]


async def new_errors(ctx: Context, since: datetime) -> Failed | Waiting | None:
    """The outcome of a stage that found errors of a new shape; None where there are none, or nobody wants to know."""
    settings = ctx.playbook.watch
    if settings.new_errors == "off" or ctx.release.base_release is None:
        return None
    if "known" not in ctx.run.data:
        await ctx.remember(known=await _known(ctx, ctx.release.base_release))
    found = errors(await _entries(ctx, ctx.release.id, since), settings.critical, settings.errors)
    new = await asyncio.to_thread(new_shapes, ctx.run.data["known"], found)
    if not new:
        return None
    return await limits.by_policy(ctx, settings.new_errors, "new_errors", told(ctx, new))


def told(ctx: Context, found: list[Entry]) -> dict[str, Any]:
    """Entries as facts."""
    return {"count": len(found), "lines": [ctx.ports.redact(entry.line)[:300] for entry in found[:SHOWN]]}


async def _known(ctx: Context, release_id: str) -> list[str]:
    settings = ctx.playbook.watch
    before = await _entries(ctx, release_id, ctx.release.created_at - BACK)
    return await asyncio.to_thread(shapes, errors(before, settings.critical, settings.errors))


async def _entries(ctx: Context, release_id: str, since: datetime) -> list[Entry]:
    lines = await target(ctx, "production").logs(release_id, since)
    return await asyncio.to_thread(entries, lines)
