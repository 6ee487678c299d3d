"""The DRI's approval: asked once, bound to exactly what will run, looked at again before it is used."""

from sqlalchemy import select

from pipeline import policy
from pipeline.binding import bound
from pipeline.context import Context, Failed, Outcome, Passed, Waiting
from pipeline.errors import Refused
from pipeline.events import request
from pipeline.models import Approval
from pipeline.stages.common import images


async def ask(ctx: Context) -> Outcome:
    """Wait for a decision. The approver's authority is looked up again here, at execution."""
    if ctx.release.direction == "adoption":
        return Passed("adopted")
    decisions = await _decisions(ctx)
    expires = ctx.run.started_at + ctx.product.approval_expires
    if rejection := next((d for d in decisions if d.decision == "reject"), None):
        return Failed("rejected", {"by": rejection.user, "reason": rejection.note})
    now_bound = bound(ctx.release, await images(ctx, ctx.release.id), ctx.runs)
    for approval in decisions:
        if approval.bound == now_bound and await _may_still(ctx, approval):
            return Passed("approved", {"by": approval.user, "note": approval.note}, {"approval": approval.id})
    if ctx.clock() >= expires:
        return Failed("approval_expired")
    facts = {"expires": expires.timestamp(), "void": bool(decisions)}
    return Waiting("approval_needed", facts, due_at=expires, asks=request("approval", ctx.run.id))


async def _decisions(ctx: Context) -> list[Approval]:
    async with ctx.db.reading() as session:
        found = await session.scalars(
            select(Approval).where(Approval.stage_run_id == ctx.run.id).order_by(Approval.id)
        )
        return list(found)


async def _may_still(ctx: Context, approval: Approval) -> bool:
    """Whether the approver may (still) approve; a failing look-up denies."""
    actor = policy.Actor(approval.user, approval.team)
    try:
        await policy.may(actor, "approve", ctx.product, ctx.ports.directory)
        policy.not_own_release(actor, ctx.release.requested_by)
    except Refused:
        return False
    return True
