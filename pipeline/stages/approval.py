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
    valid = [decision for decision in decisions if standing[decision.id] == "valid"]
    if enough := _enough(ctx, valid):
        return _approved(ctx, enough)
    if "not known" not in standing.values() and ctx.clock() >= expires:
        return Failed("approval_expired")
    voided = [id_ for id_, how in standing.items() if how == "void"]
    facts = {"expires": expires.timestamp(), "void": bool(voided), "voided": voided}
    facts |= _progress(rules.needed, _one_each(valid)) | _alone(ctx)
    later = _later(ctx, expires, unsure="not known" in standing.values())
    return Waiting("approval_needed", facts, later, request("approval", ctx.run.id))


def _alone(ctx: Context) -> dict[str, object]:
    """From when who asked may go on alone, and whether that is so by now."""
    opens = votes.alone_from(ctx.product.approval, ctx.release, ctx.run.started_at)
    return {"alone_from": opens.timestamp(), "alone_open": ctx.clock() >= opens} if opens else {}


def _later(ctx: Context, expires: datetime, *, unsure: bool) -> datetime:
    """When there is something new to see without anybody's click."""
    now, opens = ctx.clock(), votes.alone_from(ctx.product.approval, ctx.release, ctx.run.started_at)
    if unsure:
        return now + LOOK_AGAIN
    return opens if opens and now < opens else expires


def _approved(ctx: Context, valid: list[Approval]) -> Passed:
    notes = [approval.note for approval in valid if approval.note]
    facts: dict[str, object] = {"by": [approval.user for approval in valid], "note": "; ".join(notes)}
    if valid[0].decision == votes.ALONE:
        facts["alone"] = True
    return Passed("approved", facts, {"looked_at": ctx.clock().isoformat()})


def _progress(needed: int, valid: list[Approval]) -> dict[str, object]:
    """How many of how many, where more than one is needed."""
    return {"needed": needed, "got": [approval.user for approval in valid]} if needed > 1 else {}


def _enough(ctx: Context, valid: list[Approval]) -> list[Approval]:
    """Those that carry the release: as many as are needed, else who goes on alone; [] when nobody does."""
    approvals = _one_each(one for one in valid if one.decision == "approve")
    if len(approvals) >= ctx.product.approval.needed:
        return approvals
    return [one for one in valid if one.decision == votes.ALONE][:1]


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
        bound_now = await _now_bound(ctx)
        valid = [one for one in decisions if one.bound == bound_now]
        return None if _enough(ctx, valid) else Failed("approval_gone")
    standing = await _standing(ctx, decisions)
    if _enough(ctx, [one for one in decisions if standing[one.id] == "valid"]):
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
        if approval.decision in ("approve", votes.ALONE)
    }


async def _authority(ctx: Context, approval: Approval) -> Standing:
    """Whether the approver may (still) approve."""
    actor = policy.Actor(approval.user, approval.team)
    if approval.decision == votes.ALONE:
        return await _authority_alone(ctx, actor)
    try:
        person = await policy.may(actor, "approve", ctx.product, ctx.ports.directory)
        policy.not_own_release(actor, ctx.release.requested_by)
        if not ctx.product.approval.authors:
            policy.not_an_author(person, authors(ctx.runs))
    except Refused as refused:
        return "not known" if refused.code == "lookup_failed" else "void"
    return "valid"


async def _authority_alone(ctx: Context, actor: policy.Actor) -> Standing:
    """Whether who asked for the hotfix may (still) go on alone."""
    if ctx.product.approval.alone_after is None or not ctx.release.hotfix:
        return "void"
    try:
        await policy.may(actor, "override", ctx.product, ctx.ports.directory)
    except Refused as refused:
        return "not known" if refused.code == "lookup_failed" else "void"
    return "valid" if actor.user == ctx.release.requested_by else "void"
