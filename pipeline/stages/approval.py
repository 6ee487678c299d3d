"""The DRI's approval: asked once, bound to exactly what will run, looked at again before it is used."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select

from pipeline import policy, votes
from pipeline.binding import authors, bound
from pipeline.context import Context, Failed, Outcome, Passed, StageFunction, Waiting
from pipeline.errors import Refused
from pipeline.events import request
from pipeline.models import Approval
from pipeline.stages.common import images

LOOK_AGAIN = timedelta(seconds=30)
"""Between two tries to look an approver up."""

FRESH = timedelta(minutes=10)
"""How long what was found of an approver's authority is relied on: what begins later looks again."""

Standing = Literal["valid", "void", "not known"]


async def ask(ctx: Context) -> Outcome:
    """Wait for a decision. What was approved and the approvers' authority are looked at again here.

    A decision counts when it was made in time, however late it is carried out. A void approval does not
    stand in the way of another; one that cannot be looked at now is looked at again.
    """
    if ctx.release.direction == "adoption":
        return Passed("adopted")
    rules = ctx.product.approval
    expires = ctx.run.started_at + rules.expires
    decisions = [decision for decision in await _decisions(ctx, ctx.run.id) if decision.at < expires]
    if rejected := votes.rejection(decisions):
        return Failed("rejected", {"by": rejected.user, "reason": rejected.note})
    standing = await _standing(ctx, decisions)
    valid = _one_each(decision for decision in decisions if standing[decision.id] == "valid")
    if len(valid) >= rules.needed:
        return _approved(ctx, valid)
    if "not known" not in standing.values() and ctx.clock() >= expires:
        return Failed("approval_expired")
    voided = [id_ for id_, how in standing.items() if how == "void"]
    facts = {"expires": expires.timestamp(), "void": bool(voided), "voided": voided}
    look_again = ctx.clock() + LOOK_AGAIN if "not known" in standing.values() else expires
    return Waiting(
        "approval_needed", facts | _progress(rules.needed, valid), look_again, request("approval", ctx.run.id)
    )


def _approved(ctx: Context, valid: list[Approval]) -> Passed:
    notes = [approval.note for approval in valid if approval.note]
    facts = {"by": [approval.user for approval in valid], "note": "; ".join(notes)}
    return Passed("approved", facts, {"looked_at": ctx.clock().isoformat()})


def _progress(needed: int, valid: list[Approval]) -> dict[str, object]:
    """How many of how many, where more than one is needed."""
    return {"needed": needed, "got": [approval.user for approval in valid]} if needed > 1 else {}


def _one_each(approvals: Iterable[Approval]) -> list[Approval]:
    return list({approval.user: approval for approval in approvals}.values())


def approved(stage: StageFunction) -> StageFunction:
    """A stage that begins only while the approval stands."""

    async def run(ctx: Context) -> Outcome:
        return await still(ctx) or await stage(ctx)

    return run


async def still(ctx: Context) -> Outcome | None:
    """Whether the approval still carries what begins now; None when it does. Called before production is touched.

    What it is bound to is compared each time; the approvers' authority is asked of anew when some time has passed.
    """
    run = ctx.runs.get("approval")
    if ctx.release.direction != "release" or ctx.release.production_touched:
        return None
    if run is None or run.code != "approved":
        return Failed("approval_gone")
    decisions = await _decisions(ctx, run.id)
    if _recent(ctx, run.data.get("looked_at")):
        valid = votes.standing(decisions, await _now_bound(ctx), ())
        return None if len(valid) >= ctx.product.approval.needed else Failed("approval_gone")
    standing = await _standing(ctx, decisions)
    if len(_one_each(d for d in decisions if standing[d.id] == "valid")) >= ctx.product.approval.needed:
        return None
    if "not known" in standing.values():
        return Waiting("approval_unsure", due_at=ctx.clock() + LOOK_AGAIN)
    return Failed("approval_gone")


def _recent(ctx: Context, looked_at: str | None) -> bool:
    return looked_at is not None and ctx.clock() - datetime.fromisoformat(looked_at) <= FRESH


async def _decisions(ctx: Context, run_id: int) -> list[Approval]:
    async with ctx.db.reading() as session:
        found = await session.scalars(
            select(Approval).where(Approval.stage_run_id == run_id).order_by(Approval.id)
        )
        return list(found)


async def _now_bound(ctx: Context) -> dict[str, object]:
    return bound(ctx.release, await images(ctx, ctx.release.id), ctx.runs)


async def _standing(ctx: Context, decisions: Iterable[Approval]) -> dict[int, Standing]:
    now_bound = await _now_bound(ctx)
    return {
        approval.id: await _authority(ctx, approval) if approval.bound == now_bound else "void"
        for approval in decisions
        if approval.decision == "approve"
    }


async def _authority(ctx: Context, approval: Approval) -> Standing:
    """Whether the approver may (still) approve."""
    actor = policy.Actor(approval.user, approval.team)
    try:
        person = await policy.may(actor, "approve", ctx.product, ctx.ports.directory)
        policy.not_own_release(actor, ctx.release.requested_by)
        if not ctx.product.approval.authors:
            policy.not_an_author(person, authors(ctx.runs))
    except Refused as refused:
        return "not known" if refused.code == "lookup_failed" else "void"
    return "valid"
