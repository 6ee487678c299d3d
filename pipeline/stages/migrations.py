"""The migrations of a release are judged before anything of them runs, beside tests and build.

What does not run, or breaks the version in service, ends the release here. What is not known asks an approver. The
rest is kept with the release: backup, window and approval go by it.
"""

from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from pipeline import environment, judged
from pipeline.context import Context, Failed, Outcome, Passed, Skipped, Waiting
from pipeline.events import request
from pipeline.ports import JudgeOrder, MigrationJob
from pipeline.stages.common import contractions, database_url, kept_by, migration_job, variables
from pipeline.verdicts import Verdict, as_plain, from_plain, label_of

MOST_SHOWN = 6
"""Reasons that are told on a failure; the rest is with the release."""


async def judge(ctx: Context) -> Outcome:
    """A verdict on each revision between production and this release."""
    if "verdicts" not in ctx.run.data:
        job = migration_job(ctx, "production")
        if job is None or not await ctx.ports.database.pending(job):
            return Skipped("no_migration")
        lower = await ctx.ports.database.current(job)
        if not lower:
            return Skipped("database_new")
        await _find(ctx, job, lower)
    return await _consequences(ctx, [from_plain(one) for one in ctx.run.data["verdicts"]])


async def _find(ctx: Context, job: MigrationJob, lower: tuple[str, ...]) -> None:
    """Judge, and keep what was found: it is not judged again when the stage is carried out again."""
    announced = await contractions(ctx)
    found = await ctx.ports.judge.judge(await _order(ctx, job, lower))
    verdicts = [as_plain(judged.lifted(one, announced)) for one in found.verdicts]
    told = [[one.code, dict(one.facts)] for one in found.remarks]
    await ctx.remember(verdicts=_redacted(ctx, verdicts), remarks=told, announced=list(announced))


def _redacted(ctx: Context, value: Any) -> Any:
    """Statements and errors are the product's own text."""
    if isinstance(value, str):
        return ctx.ports.redact(value)
    if isinstance(value, dict):
        return {key: _redacted(ctx, one) for key, one in value.items()}
    return [_redacted(ctx, one) for one in value] if isinstance(value, list | tuple) else value


async def _order(ctx: Context, job: MigrationJob, lower: tuple[str, ...]) -> JudgeOrder:
    """Staging's variables are around it: production's are not for trying things out."""
    base = ctx.release.base_commit

    async def released(path: Path) -> str | None:
        if base is None or not path.is_relative_to(ctx.checkout):
            return None
        return await ctx.ports.repository.read(base, str(path.relative_to(ctx.checkout)))

    return JudgeOrder(
        folder=job.checkout,
        config=job.checkout / job.config,
        env=environment.merged(environment.base(), variables(ctx, "staging")),
        lower=lower,
        backend=_backend(database_url(ctx, "production")),
        timeout=job.timeout,
        released=released,
    )


def _backend(url: str) -> str:
    try:
        return make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        return "postgresql"


async def _consequences(ctx: Context, found: list[Verdict]) -> Outcome:
    facts: dict[str, Any] = {"revisions": judged.summary(found)}
    if judged.holds(found, "fails-to-apply"):
        return Failed("migration_fails", facts | _told(found, "fails-to-apply"))
    broken = [one for verdict in found for one in judged.breaking(verdict)]
    if broken:
        unannounced = all(judged.is_contraction(one) for one in broken)
        code = "migration_unannounced" if unannounced else "migration_breaks"
        return Failed(code, facts | _told(found, "breaks-old-version"))
    if judged.holds(found, "unknown"):
        by = await kept_by(ctx)
        if by is None:
            told = facts | _told(found, "unknown")
            return Waiting("migration_unknown", told, asks=request("decision", ctx.run.id))
        facts |= {"by": by}
    return Passed("migrations_judged", facts, ctx.run.data)


def _told(found: list[Verdict], label: str) -> dict[str, Any]:
    """The reasons of one label, each with its revision, as codes and facts."""
    reasons = [
        {"revision": verdict.revision, "reason": [one.code, dict(one.facts)]}
        for verdict in found
        for one in verdict.reasons
        if label_of(one.code) == label
    ]
    return {"told": reasons[:MOST_SHOWN], "count": len(reasons)}
