"""Staging: migrations, minimal seed, the same images as production will get, then smoke and E2E."""

from pipeline import judged
from pipeline.context import Context, Failed, Outcome, Passed
from pipeline.stages.common import (
    base_release,
    bundle,
    command_facts,
    migration_job,
    record_deployment,
    suite_failed,
    target,
    variables,
)
from pipeline.stages.evaluated import bound, unevaluated
from pipeline.stages.flags import add_new
from pipeline.stages.running import run_check, run_suite, version_before
from pipeline.together import together


async def deploy(ctx: Context) -> Outcome:
    """Migrate, seed, deploy. Each part is done already when it is called again."""
    if denied := await unevaluated(ctx):
        return denied
    failed = await _prepare_database(ctx) or await before_works(ctx)
    if failed:
        return failed
    heads, _ = await together(_heads(ctx), _deploy(ctx))
    kept = {"heads": heads, "evaluated": await bound(ctx)}
    return Passed("staged", {"url": target(ctx, "staging").address()}, kept)


async def _deploy(ctx: Context) -> None:
    """All of staging's traffic goes to this release."""
    place = target(ctx, "staging")
    await place.reconcile()
    await add_new(ctx, "staging")
    await place.prepare(await bundle(ctx, "staging"))
    ctx.guard()
    await place.promote(ctx.release.id)
    await record_deployment(ctx, "release", ctx.release, "staging")


async def _prepare_database(ctx: Context) -> Failed | None:
    job = migration_job(ctx, "staging")
    if job:
        ctx.guard()
        await ctx.ports.database.upgrade(job)
    if ctx.playbook.seed:
        seeded = await run_check(ctx, "seed", ctx.playbook.seed, variables(ctx, "staging"))
        if not seeded.ok:
            return Failed("seed_failed", command_facts(seeded))
    return None


async def before_works(ctx: Context) -> Failed | None:
    """The version in service on the migrated database, by its own smoke tests: the sure answer to whether it still
    works there, which is where both run during a canary. Nothing to try where nothing was migrated."""
    previous = await base_release(ctx) if judged.verdicts(ctx.runs) else None
    if previous is None or ctx.run.data.get("before_works"):
        return None
    place = target(ctx, "staging")
    await place.reconcile()
    slot = await place.prepare(await bundle(ctx, "staging", previous))
    suite_of, tree = await version_before(ctx, previous)
    result, report = await run_suite(
        suite_of,
        "smoke-before",
        suite_of.playbook.smoke,
        "staging",
        place.address(slot.slot),
        previous.version,
        tree,
    )
    if failed := suite_failed(f"smoke of {previous.version} on the new schema", result, report):
        return Failed("old_version_fails", failed.facts | {"version": previous.version})
    await ctx.remember(before_works=previous.version)
    return None


async def _heads(ctx: Context) -> list[str]:
    job = migration_job(ctx, "staging")
    return sorted(await ctx.ports.database.heads(job)) if job else []


async def check(ctx: Context) -> Outcome:
    """Smoke first, then end-to-end, through the router as a user would come."""
    address = target(ctx, "staging").address()
    steps = 0
    for name, suite in (("smoke", ctx.playbook.smoke), ("e2e", ctx.playbook.e2e)):
        if suite is None:
            continue
        result, report = await run_suite(
            ctx, f"staging-{name}", suite, "staging", address, ctx.release.version
        )
        if failed := suite_failed(f"staging {name}", result, report):
            return failed
        steps += len(report.steps)
    return Passed("staging_checked", {"steps": steps})
