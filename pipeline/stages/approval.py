"""The DRI's approval: asked once, bound to exactly what will run, looked at again before it is used."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from sqlalchemy import select

from pipeline import policy
from pipeline.binding import bound
from pipeline.context import Context, Failed, Outcome, Passed, Waiting
from pipeline.errors import Refused
from pipeline.events import request
from pipeline.models import Approval
from pipeline.stages.common import images

LOOK_AGAIN = timedelta(seconds=30)
"""Between two tries to look an approver up."""

Standing = Literal["valid", "void", "not known"]


async def ask(ctx: Context) -> Outcome:
    """Wait for a decision. What was approved and the approver's authority are looked at again here.

    A decision counts when it was made in time, however late it is carried out. A void approval does not
    stand in the way of another; one that cannot be looked at now is looked at again.
    """
    if ctx.release.direction == "adoption":
        return Passed("adopted")
    expires = ctx.run.started_at + ctx.product.approval_expires
    decisions = [decision for decision in await _decisions(ctx) if decision.at < expires]
    if rejection := next((d for d in decisions if d.decision == "reject"), None):
        return Failed("rejected", {"by": rejection.user, "reason": rejection.note})
    standing = await _standing(ctx, decisions)
    for approval in decisions:
        if standing[approval.id] == "valid":
            return Passed("approved", {"by": approval.user, "note": approval.note}, {"approval": approval.id})
    if "not known" not in standing.values() and ctx.clock() >= expires:
        return Failed("approval_expired")
    voided = [id_ for id_, how in standing.items() if how == "void"]
    facts = {"expires": expires.timestamp(), "void": bool(voided), "voided": voided}
    look_again = ctx.clock() + LOOK_AGAIN if "not known" in standing.values() else expires
    return Waiting("approval_needed", facts, due_at=look_again, asks=request("approval", ctx.run.id))


async def _decisions(ctx: Context) -> list[Approval]:
    async with ctx.db.reading() as session:
        found = await session.scalars(
            select(Approval).where(Approval.stage_run_id == ctx.run.id).order_by(Approval.id)
        )
        return list(found)


async def _standing(ctx: Context, approvals: Iterable[Approval]) -> dict[int, Standing]:
    now_bound = bound(ctx.release, await images(ctx, ctx.release.id), ctx.runs)
    return {
        approval.id: await _authority(ctx, approval) if approval.bound == now_bound else "void"
        for approval in approvals
    }


async def _authority(ctx: Context, approval: Approval) -> Standing:
    """Whether the approver may (still) approve."""
    actor = policy.Actor(approval.user, approval.team)
    try:
        await policy.may(actor, "approve", ctx.product, ctx.ports.directory)
        policy.not_own_release(actor, ctx.release.requested_by)
    except Refused as refused:
        return "not known" if refused.code == "lookup_failed" else "void"
    return "valid"
