"""LLM evaluation: a gate. No verdict is not a pass."""

import asyncio

from pipeline.context import Context, Failed, Outcome, Passed, Skipped
from pipeline.evaluation import Record, judge
from pipeline.stages.common import command_facts, report_path, run_check, run_of

MOST_BYTES = 5_000_000
"""A result record larger than this is not read: twenty cases need some kilobytes."""


async def run(ctx: Context) -> Outcome:
    """Run the suite, read its record, judge it by the fixed thresholds and against the last release."""
    settings = ctx.playbook.evaluation
    if settings is None:
        return Skipped("no_evaluation")
    result = await run_check(ctx, "evaluation", settings)
    if not result.ok:
        return Failed("evaluation_not_run", command_facts(result))
    record = await asyncio.to_thread(_read, ctx)
    verdict = judge(record, settings, await _last(ctx))
    facts = {"reasons": list(verdict.reasons), "lost": list(verdict.lost), "report": list(verdict.report)}
    if verdict.outcome == "passed":
        return Passed("evaluation_passed", facts, {"record": record})
    return Failed("evaluation_failed" if verdict.outcome == "failed" else "evaluation_no_verdict", facts)


def _read(ctx: Context) -> str:
    path = report_path(ctx, "evaluation")
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


async def _last(ctx: Context) -> Record | None:
    """The record of the release that is live; None when there is none."""
    if ctx.release.base_release is None:
        return None
    last = await run_of(ctx, ctx.release.base_release, "evaluation")
    return Record.model_validate_json(last.data["record"]) if last and "record" in last.data else None
