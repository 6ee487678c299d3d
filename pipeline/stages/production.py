"""Production: backup, migration, promotion, smoke. The way back is ready before the way forward."""

from typing import Any

from pipeline import judged
from pipeline.context import Context, Failed, Outcome, Passed, Skipped
from pipeline.ports import MigrationJob, Revision
from pipeline.stages import window
from pipeline.stages.backup import fresh_backup, is_fresh, proven
from pipeline.stages.canary import touch, unwell, watched
from pipeline.stages.closed import kept_out
from pipeline.stages.common import (
    bundle,
    migration_job,
    record_deployment,
    suite_failed,
    target,
)
from pipeline.stages.evaluated import unevaluated_images
from pipeline.stages.flags import add_new
from pipeline.stages.running import run_suite


async def back_up(ctx: Context) -> Outcome:
    """Before a migration only: without one the database is not touched."""
    if denied := await unevaluated_images(ctx):
        return denied
    job = migration_job(ctx, "production")
    pending = await ctx.ports.database.pending(job) if job else ()
    if job is None or not pending:
        return Skipped("no_migration")
    before = await ctx.ports.database.current(job)
    if not before:
        return Skipped("database_new")
    if wait := await window.wait(ctx):
        return wait
    backup = await fresh_backup(ctx, "production")
    proof = await proven(ctx, backup)
    facts = {"bytes": backup.stat().st_size, **({"proof": proof} if proof else {})}
    kept = {"path": str(backup), "proof": proof, **_standing(ctx, before, pending)}
    return Passed("backed_up", facts, kept)


async def migrate(ctx: Context) -> Outcome:
    """Remember where the database stood, then migrate. Called again, it finds itself already there."""
    if denied := await unevaluated_images(ctx):
        return denied
    job = migration_job(ctx, "production")
    if job is None:
        return Skipped("no_migration")
    if "before" not in ctx.run.data:
        standing = await _look(ctx, job)
        if not standing["revisions"]:
            return Skipped("no_migration")
        await ctx.remember(**standing)
    if wait := await window.wait(ctx):
        return wait
    if _is_unproven(ctx):
        return Failed("backup_unproven")
    await _back_up_again(ctx, job)
    ctx.guard()
    await ctx.ports.database.upgrade(job)
    return Passed("migrated", {"revisions": ctx.run.data["revisions"]})


async def _back_up_again(ctx: Context, job: MigrationJob) -> None:
    """The bot was down since the backup, and users went on: back up anew, unless the migration has begun."""
    made = ctx.data("backup")
    if "backup" not in made or is_fresh(ctx, made) or is_fresh(ctx, ctx.run.data):
        return
    if set(await ctx.ports.database.current(job)) == set(ctx.run.data["before"]):
        await proven(ctx, await fresh_backup(ctx, "production-late"))


def _is_unproven(ctx: Context) -> bool:
    """Whether data is to be lost and no backup of it has been restored for a trial."""
    losing = judged.holds(judged.verdicts(ctx.runs), "destructive")
    return losing and not ctx.data("backup").get("proof")


async def _look(ctx: Context, job: MigrationJob) -> dict[str, Any]:
    """Where the database stands. The backup's own look is used again: each one starts Alembic, and the
    database to go back to is the one that was backed up."""
    seen = ctx.data("backup")
    if "before" in seen:
        return {"before": seen["before"], "revisions": seen["revisions"]}
    pending = await ctx.ports.database.pending(job)
    return _standing(ctx, await ctx.ports.database.current(job) if pending else (), pending)


def _standing(ctx: Context, before: tuple[str, ...], pending: tuple[Revision, ...]) -> dict[str, Any]:
    """Where the database stood, and what comes: undone is only what its source and its trial show to be undone."""
    labels = {one.revision: one.labels for one in judged.verdicts(ctx.runs)}
    revisions = [
        {
            "revision": r.revision,
            "title": r.title,
            "reversible": r.reversible and "irreversible" not in labels.get(r.revision, ()),
            "why": r.why,
            "labels": list(labels.get(r.revision, ())),
        }
        for r in pending
    ]
    return {"before": list(before), "revisions": revisions}


async def promote(ctx: Context) -> Outcome:
    """All traffic to the new version. The previous one stays warm in the other slot."""
    place = target(ctx, "production")
    if held := await _promotion_held(ctx):
        return held
    await add_new(ctx, "production")
    prepared = await bundle(ctx, "production")
    await place.prepare(prepared)  # there already after a canary; a first release comes here directly
    if not ctx.release.production_touched and (denied := await unevaluated_images(ctx)):
        return denied
    await touch(ctx)
    ctx.guard()
    await place.promote(ctx.release.id)
    at = await record_deployment(ctx, "release", ctx.release)
    return Passed("promoted", {"url": place.address()}, {"at": at.isoformat()})


async def _promotion_held(ctx: Context) -> Outcome | None:
    """A freeze or lock began between the canary's end and this stage (the bot was away): the canary is watched on.

    What has all traffic already is not held: it was interrupted, and is only written down.
    """
    since = ctx.data("canary").get("since")
    held = await kept_out(ctx, "production") if since else None
    if since is None or held is None:
        return None
    live = (await target(ctx, "production").status()).live
    if live is not None and live.release_id == ctx.release.id:
        return None
    return await unwell(ctx, since) or watched(ctx, held)


async def verify(ctx: Context) -> Outcome:
    """Smoke through the public address, as a user comes."""
    address = target(ctx, "production").address()
    suite = ctx.playbook.smoke
    result, report = await run_suite(
        ctx, "production-smoke", suite, "production", address, ctx.release.version
    )
    if failed := suite_failed("production smoke", result, report):
        return failed
    return Passed("verified", {"steps": len(report.steps), "seconds": round(result.seconds, 1)})


async def retire_previous(ctx: Context) -> Outcome:
    """The watch is over: the previous version is stopped; its images stay for a cold way back."""
    other = (await target(ctx, "production").status()).other
    if other is None or other.release_id == ctx.release.id:
        return Skipped("nothing_to_retire")
    ctx.guard()
    await target(ctx, "production").retire(other.release_id)
    return Passed("retired", {"version": other.version})


async def take_over(ctx: Context) -> Outcome:
    """Adoption: put the version that was already released into production, as an operator asked."""
    job = migration_job(ctx, "production")
    if job:
        ctx.guard()
        await ctx.ports.database.upgrade(job)
    await target(ctx, "production").reconcile()
    promoted = await promote(ctx)
    return Passed("adopted", promoted.facts)
