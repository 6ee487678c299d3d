"""The way back, and cleaning up after what never got traffic."""

from typing import Any

from pipeline.context import Context, Failed, Outcome, Passed, Skipped
from pipeline.slots import is_warm
from pipeline.stages.backup import fresh_backup
from pipeline.stages.common import (
    base_release,
    bundle,
    migration_job,
    record_deployment,
    suite_failed,
    target,
)
from pipeline.stages.running import run_suite, version_before


async def switch(ctx: Context) -> Outcome:
    """Traffic first: a warm previous version takes it at once, a cold one is started by its digests."""
    previous = await base_release(ctx)
    if previous is None:
        return Failed("nothing_to_go_back_to")
    place = target(ctx, "production")
    here = await is_warm(place, previous.id)
    if not here:
        await place.reconcile()
    await place.prepare(await bundle(ctx, "production", previous))  # warm: it only looks
    ctx.guard()
    await place.promote(previous.id)
    await record_deployment(ctx, "rollback", previous)
    return Passed("switched_back", {"version": previous.version, "warm": here})


async def undo(ctx: Context) -> Outcome:
    """Stop the version that was rolled back, then undo its migration when every revision can be undone."""
    await target(ctx, "production").retire(ctx.release.id)
    return await _undo_migration(ctx)


async def _undo_migration(ctx: Context) -> Outcome:
    migrated = ctx.data("migrate")
    if "before" not in migrated:  # asked first: what was never migrated needs no secret to be left alone
        return Skipped("no_migration")
    job = migration_job(ctx, "production")
    if job is None:
        return Skipped("no_migration")
    if why := _not_to_be_undone(ctx, migrated):
        return Skipped("migration_kept", {"why": why})
    if set(await ctx.ports.database.current(job)) != set(migrated["before"]):
        await fresh_backup(ctx, "before-undo")
        ctx.guard()
        await ctx.ports.database.downgrade(job, migrated["before"][0] if migrated["before"] else "base")
    return Passed("migration_undone", {"revisions": [r["revision"] for r in migrated["revisions"]]})


def _not_to_be_undone(ctx: Context, migrated: dict[str, Any]) -> str | None:
    if not (ctx.release.turned or {}).get("undo", True):
        return "asked_to_keep"
    if len(migrated["before"]) > 1:
        return "several_heads"
    stuck = [revision["revision"] for revision in migrated["revisions"] if not revision["reversible"]]
    return f"irreversible {', '.join(stuck)}" if stuck else None


async def verify(ctx: Context) -> Outcome:
    """The previous version's own smoke tests, through the public address."""
    previous = await base_release(ctx)
    if previous is None:
        return Failed("nothing_to_go_back_to")
    before, tree = await version_before(ctx, previous)
    address, suite = target(ctx, "production").address(), before.playbook.smoke
    result, report = await run_suite(
        before, "rollback-smoke", suite, "production", address, previous.version, tree
    )
    if failed := suite_failed("smoke after the rollback", result, report):
        return failed
    return Passed("verified_back", {"steps": len(report.steps), "version": previous.version})


async def clean_up(ctx: Context) -> Outcome:
    """Nothing of this release got traffic: stop what was prepared, undo what was migrated where that is safe."""
    place = target(ctx, "production")
    status = await place.reconcile()
    if status.live is None or status.live.release_id != ctx.release.id:
        await place.retire(ctx.release.id)
    undone = await _undo_migration(ctx)
    return Passed("cleaned_up", {"migration": undone.code})
