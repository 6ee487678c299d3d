"""A migration that keeps others waiting runs in a window of bot.toml, or when an approver says so."""

from sqlalchemy import select

from pipeline import judged
from pipeline.context import Context, Waiting
from pipeline.events import request
from pipeline.models import Approval
from pipeline.verdicts import label_of
from pipeline.windows import Windows

ASKED = ("backup", "migrate")
"""The stages that wait for a window: what was decided on the first counts for the second."""


async def wait(ctx: Context) -> Waiting | None:
    """What is waited for before the database is migrated; None when it may be now."""
    found = judged.verdicts(ctx.runs)
    if not judged.holds(found, "needs-window") or await _decided(ctx):
        return None
    now = ctx.clock()
    windows = Windows(tuple(one.window(ctx.product.timezone) for one in ctx.product.migration_windows))
    if windows.covers(now):
        return None
    opens = windows.next(now) if windows.every else None
    why = [one for verdict in found for one in verdict.reasons if label_of(one.code) == "needs-window"]
    facts = {
        "opens": opens.timestamp() if opens else None,
        "tables": sorted({str(one.facts["table"]) for one in why if "table" in one.facts}),
    }
    return Waiting("window_needed", facts, due_at=opens, asks=request("decision", ctx.run.id))


async def _decided(ctx: Context) -> bool:
    """Whether an approver has said that it may run now."""
    runs = [ctx.runs[name].id for name in ASKED if name in ctx.runs] + [ctx.run.id]
    async with ctx.db.reading() as session:
        said = select(Approval.id).where(Approval.stage_run_id.in_(runs), Approval.decision == "keep")
        return await session.scalar(said.limit(1)) is not None
