"""LLM evaluation: a gate. No verdict is not a pass; what a person may overrule waits for one, and for the reason."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from pipeline.config import Evaluation
from pipeline.context import Context, Failed, Outcome, Passed, Skipped, Waiting
from pipeline.evals import Record, UnreadableError
from pipeline.evals.record import digest
from pipeline.evaluation import Verdict, judge
from pipeline.events import request
from pipeline.models import Approval, Release
from pipeline.stages.common import base_release, command_facts, run_of
from pipeline.stages.evaluated import OVERRULE, verdict
from pipeline.stages.evaluating import ran, run_again, run_suite

CODES = {
    "none": "evaluation_no_verdict",
    "narrow": "evaluation_narrow",
    "changed": "evaluation_suite_changed",
}
"""What waits for an approver, by what the judge found."""

MOST_BACK = 50
"""How many releases are looked through for the last one that has a record to compare with."""


async def run(ctx: Context) -> Outcome:
    """Run the suite, judge it by its limits and against the last release; wait for an approver where one may decide."""
    decisions = await _decisions(ctx)
    if decided := _answer(ctx, decisions):
        return decided
    agains = sum(decision.decision == "again" for decision in decisions)
    settings = ctx.playbook.evaluation
    if settings is None:
        return await _without(ctx, agains)
    return await _evaluated(ctx, settings, agains)


async def _without(ctx: Context, agains: int) -> Outcome:
    """A playbook may have no evaluation; dropping the one that the last release had is a decision."""
    base = await base_release(ctx)
    if base is None or not base.playbook.get("evaluation") or ctx.release.direction != "release":
        return Skipped("no_evaluation")
    return await _asks(ctx, "evaluation_dropped", {"version": base.version}, agains)


async def _evaluated(ctx: Context, settings: Evaluation, agains: int) -> Outcome:
    result, found = await run_suite(ctx, settings)
    if not ran(result, settings):
        return await _asks(ctx, "evaluation_not_run", command_facts(result), agains)
    last, version = await _last(ctx)
    said = judge(found, settings, last)
    if said.comparable and said.lost and said.outcome in ("passed", "narrow", "failed"):
        said = judge(found, settings, last, await _reruns(ctx, settings, said))
    facts = _facts(said, version)
    if said.outcome == "passed":
        return Passed("evaluation_passed", redacted(ctx, facts), verdict(ctx, _record(found)))
    if said.outcome == "failed":
        return Failed("evaluation_failed", redacted(ctx, facts))
    return await _asks(ctx, CODES[said.outcome], facts, agains, _record(found) if said.complete else None)


async def _reruns(ctx: Context, settings: Evaluation, said: Verdict) -> dict[str, int]:
    """Not where a critical case has failed: nothing that is run again would change that."""
    if any(finding.code == "critical_failed" for finding in said.findings):
        return {}
    return await run_again(ctx, settings, said.lost)


def _record(found: Record | UnreadableError) -> Record | None:
    return found if isinstance(found, Record) else None


def _facts(said: Verdict, version: str) -> dict[str, Any]:
    findings = [finding.told() for finding in said.findings]
    return {"findings": findings, "report": dict(said.report) if said.report else None, "before": version}


# ------------------------------------------------------------------ decisions


async def _asks(
    ctx: Context, code: str, facts: dict[str, Any], agains: int, record: Record | None = None
) -> Waiting:
    """Ask an approver about exactly this: `seen` names it, and an answer to something else does not count."""
    shown = redacted(ctx, facts)
    seen = digest([code, shown, agains, record.kept() if record else ""])
    await ctx.remember(seen=seen, agains=agains, asked=verdict(ctx, record))
    return Waiting(code, shown | {"seen": seen}, asks=request("decision", ctx.run.id))


def _answer(ctx: Context, decisions: list[Approval]) -> Outcome | None:
    """What an approver has said to what was asked, or the question again; None when the suite is to be run."""
    seen, asked = ctx.run.data.get("seen"), ctx.run.data.get("asked")
    if seen is None or asked is None or ctx.run.facts.get("seen") != seen:
        return None  # not asked yet, or killed before people could see it
    for decision in decisions:
        if decision.decision == OVERRULE and decision.bound.get("seen") == seen:
            said = asked | {"verdict": asked["verdict"] | {"overruled": decision.id}}
            return Passed("evaluation_overruled", {"by": decision.user, "reason": decision.note}, said)
    if sum(decision.decision == "again" for decision in decisions) > ctx.run.data["agains"]:
        return None
    return Waiting(ctx.run.code, ctx.run.facts, asks=request("decision", ctx.run.id))


async def _decisions(ctx: Context) -> list[Approval]:
    async with ctx.db.reading() as session:
        mine = select(Approval).where(Approval.stage_run_id == ctx.run.id).order_by(Approval.id)
        return list(await session.scalars(mine))


def redacted(ctx: Context, facts: Any) -> Any:
    """The facts without secrets: errors and names of cases are a tool's own text."""
    return _each(ctx.ports.redact, facts)


def _each(redact: Callable[[str], str], facts: Any) -> Any:
    if isinstance(facts, str):
        return redact(facts)
    if isinstance(facts, dict):
        return {key: _each(redact, value) for key, value in facts.items()}
    return [_each(redact, value) for value in facts] if isinstance(facts, list | tuple) else facts


# ------------------------------------------------------- the release before


async def baseline(ctx: Context) -> Outcome:
    """Adoption: the version is in service already. Its record is kept, so that the next release is compared."""
    settings = ctx.playbook.evaluation
    if settings is None:
        return Skipped("no_evaluation")
    result, found = await run_suite(ctx, settings)
    if isinstance(found, UnreadableError) or not ran(result, settings):
        return Skipped("no_baseline")
    if not judge(found, settings, None).complete:
        return Skipped("no_baseline")
    return Passed("evaluation_baseline", data={"record": found.kept()})


async def _last(ctx: Context) -> tuple[Record | None, str]:
    """The record of the last release that is or was live and has one, and its version."""
    found: Release | None = await base_release(ctx)
    for _ in range(MOST_BACK):
        if found is None:
            break
        last = await run_of(ctx, found.id, "evaluation", "baseline")
        if last and "record" in last.data:
            return Record.model_validate_json(last.data["record"]), found.version
        found = await _before(ctx, found)
    return None, ""


async def _before(ctx: Context, release: Release) -> Release | None:
    if not release.base_release:
        return None
    async with ctx.db.reading() as session:
        return await session.get(Release, release.base_release)
