"""LLM evaluation: a gate. No verdict is not a pass."""

import asyncio

from pipeline.config import Evaluation
from pipeline.context import Context, Failed, Outcome, Passed, Skipped, Waiting
from pipeline.evaluation import Record, Verdict, judge
from pipeline.events import request
from pipeline.stages.common import command_facts, kept_by, run_of
from pipeline.stages.running import report_path, run_check

MOST_BYTES = 5_000_000
"""A result record larger than this is not read: twenty cases need some kilobytes."""


async def run(ctx: Context) -> Outcome:
    """Run the suite, read its record, judge it by the fixed thresholds and against the last release."""
    settings = ctx.playbook.evaluation
    if settings is None:
        return Skipped("no_evaluation")
    if accepted := await kept_by(ctx):
        return Passed("evaluation_suite_accepted", {"by": accepted})
    result = await run_check(ctx, "evaluation", settings)
    if not result.ok:
        return Failed("evaluation_not_run", command_facts(result))
    return await _judged(ctx, settings, await asyncio.to_thread(_read, ctx))


async def _judged(ctx: Context, settings: Evaluation, record: str) -> Outcome:
    last = await _last(ctx)
    verdict = judge(record, settings, last)
    if verdict.outcome == "passed":
        return Passed("evaluation_passed", _facts(verdict), {"record": record})
    if verdict.outcome == "failed":
        return Failed("evaluation_failed", _facts(verdict))
    alone = judge(record, settings, None)
    if last is None or alone.outcome != "passed":
        return Failed("evaluation_no_verdict", _facts(verdict))
    # It would pass by itself: only the comparison is missing, as after an intended change of the suite.
    await ctx.remember(record=record)
    return Waiting("evaluation_suite_changed", _facts(verdict), asks=request("decision", ctx.run.id))


def _facts(verdict: Verdict) -> dict[str, list[str]]:
    return {"reasons": list(verdict.reasons), "lost": list(verdict.lost), "report": list(verdict.report)}


async def baseline(ctx: Context) -> Outcome:
    """Adoption: the version is in service already. Its record is kept, so that the next release is compared."""
    settings = ctx.playbook.evaluation
    if settings is None:
        return Skipped("no_evaluation")
    result = await run_check(ctx, "evaluation", settings)
    record = await asyncio.to_thread(_read, ctx) if result.ok else ""
    if judge(record, settings, None).outcome == "none":
        return Skipped("no_baseline")
    return Passed("evaluation_baseline", data={"record": record})


def _read(ctx: Context) -> str:
    path = report_path(ctx, "evaluation")
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


async def _last(ctx: Context) -> Record | None:
    """The record of the release that is live; None when there is none."""
    if ctx.release.base_release is None:
        return None
    last = await run_of(ctx, ctx.release.base_release, "evaluation", "baseline")
    return Record.model_validate_json(last.data["record"]) if last and "record" in last.data else None
