"""What the evaluation came to, kept so that it can be looked at again before staging and before production.

Deny by default: no verdict, one of another commit, suite or playbook, or other images than staging got, is a no.
"""

from typing import Any

from sqlalchemy import select

from pipeline.context import Context, Failed
from pipeline.evals import Record
from pipeline.evals.record import digest
from pipeline.models import Approval
from pipeline.stages.common import images
from pipeline.states import PASSED_STAGE, StageStatus

OVERRULE = "overrule"
"""The decision of an approver that a release goes on without a passing verdict."""


def verdict(ctx: Context, record: Record | None, overruled: int | None = None) -> dict[str, Any]:
    """The data of a run that lets the release go on: by its record, or by an approver's decision (its id)."""
    kept = record.kept() if record else ""
    said = {
        "commit": ctx.release.commit,
        "playbook": ctx.release.playbook_hash,
        "suite": record.suite_hash if record else "",
        "record": digest(kept),
        "overruled": overruled,
    }
    return {"verdict": said} | ({"record": kept} if record else {})


async def bound(ctx: Context) -> dict[str, Any]:
    """The verdict together with the images that it lets through: kept by staging, compared before production."""
    digests = {image.component: image.digest for image in await images(ctx, ctx.release.id)}
    return {"verdict": digest(ctx.data("evaluation").get("verdict")), "digests": digests}


async def unevaluated(ctx: Context) -> Failed | None:
    """Why this release may go nowhere: looked at right before staging; None when it may."""
    if ctx.release.direction == "adoption":
        return None
    why = await _why_not(ctx)
    return Failed("not_evaluated", {"why": why}) if why else None


async def unevaluated_images(ctx: Context) -> Failed | None:
    """The same right before production, where it must also be what was evaluated and tried in staging."""
    if ctx.release.direction == "adoption":
        return None
    why = await _why_not(ctx)
    if not why and ctx.data("staging").get("evaluated") != await bound(ctx):
        why = "other_images"
    return Failed("not_evaluated", {"why": why}) if why else None


async def _why_not(ctx: Context) -> str | None:
    run = ctx.runs.get("evaluation")
    if run is not None and run.status is StageStatus.SKIPPED and ctx.playbook.evaluation is None:
        return None
    if run is None or run.status not in PASSED_STAGE or "verdict" not in run.data:
        return "no_verdict"
    said = run.data["verdict"]
    if (said["commit"], said["playbook"]) != (ctx.release.commit, ctx.release.playbook_hash):
        return "other_commit"
    if said["record"] != digest(run.data.get("record", "")) or said["suite"] != _suite(run.data):
        return "other_suite"
    if said["overruled"] is not None and not await _was_overruled(ctx, run.id, said["overruled"]):
        return "not_overruled"
    return None


def _suite(data: dict[str, Any]) -> str:
    return Record.model_validate_json(data["record"]).suite_hash if "record" in data else ""


async def _was_overruled(ctx: Context, run_id: int, approval_id: int) -> bool:
    async with ctx.db.reading() as session:
        decided = select(Approval.id).where(
            Approval.id == approval_id,
            Approval.stage_run_id == run_id,
            Approval.decision == OVERRULE,
            Approval.note != "",
        )
        return await session.scalar(decided) is not None
