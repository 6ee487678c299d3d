"""Production: backup, migration, canary, promotion, smoke. The way back is ready before the way forward."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from pipeline import judged
from pipeline.context import Context, Failed, Outcome, Passed, Skipped, Waiting
from pipeline.events import Fact, request
from pipeline.models import Release
from pipeline.ports import MigrationJob, Revision
from pipeline.stages import window
from pipeline.stages.backup import fresh_backup, is_fresh, proven
from pipeline.stages.closed import kept_out
from pipeline.stages.common import (
    bundle,
    kept_by,
    last_decision,
    migration_job,
    record_deployment,
    suite_failed,
    target,
)
from pipeline.stages.evaluated import unevaluated_images
from pipeline.stages.flags import add_new
from pipeline.stages.running import run_suite
from pipeline.stages.watch import critical_lines


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


async def canary(ctx: Context) -> Outcome:
    """Smoke on the candidate's own address first; then a small share of the users, step by step."""
    place = target(ctx, "production")
    await place.reconcile()
    if (await place.status()).live is None:
        return Skipped("first_release")
    if "step" not in ctx.run.data:
        # The smoke test may take minutes: it is looked again whether production is open.
        unfit = (
            await _smoke_candidate(ctx) or await kept_out(ctx, "production") or await unevaluated_images(ctx)
        )
        return unfit or await _take_step(ctx, 0)
    return await _canary_unwell(ctx, ctx.run.data["since"]) or await _hold_or_go_on(ctx, ctx.run.data["step"])


async def _hold_or_go_on(ctx: Context, step: int) -> Outcome:
    """A step counts only with its traffic: interrupted before the shift, it begins anew."""
    share = (await target(ctx, "production").status()).share
    has_its_share = share == ctx.playbook.canary.steps[step]
    if has_its_share and (held := await _paused(ctx)):
        return held
    until = datetime.fromisoformat(ctx.run.data["until"])
    if has_its_share and ctx.clock() < until:
        return _holding(ctx, until)
    if held := await kept_out(ctx, "production"):
        return _kept_at(ctx, held, share)
    if not has_its_share:
        return await _take_step(ctx, step)
    if step + 1 < len(ctx.playbook.canary.steps):
        return await _take_step(ctx, step + 1)
    return await _everybody_or_ask(ctx, ctx.playbook.canary.steps[step])


async def _paused(ctx: Context) -> Waiting | None:
    """A paused canary keeps its share, and is looked after. Resumed, it is held for the time that was left."""
    said = await last_decision(ctx, "pause", "resume")
    left = ctx.run.data.get("left")
    if said is None or said.decision == "resume":
        if left is not None:
            await ctx.remember(until=(ctx.clock() + timedelta(seconds=left)).isoformat(), left=None)
        return None
    if left is None:
        until = datetime.fromisoformat(ctx.run.data["until"])
        await ctx.remember(left=max(0.0, (until - said.at).total_seconds()))
    share = ctx.playbook.canary.steps[ctx.run.data["step"]]
    look_again = ctx.clock() + ctx.playbook.watch.every
    return Waiting("canary_paused", {"share": share, "by": said.user, "reason": said.note}, due_at=look_again)


async def _everybody_or_ask(ctx: Context, share: int) -> Outcome:
    """The last hold is over. Where the playbook wants a person to look, the canary is watched until they have."""
    if ctx.playbook.canary.ask and await kept_by(ctx) is None:
        look_again, asks = ctx.clock() + ctx.playbook.watch.every, request("decision", ctx.run.id)
        return Waiting("canary_asks", {"share": share}, due_at=look_again, asks=asks)
    return Passed("canary_passed", {"share": share})


async def _smoke_candidate(ctx: Context) -> Failed | None:
    place = target(ctx, "production")
    await add_new(ctx, "production")
    slot = await place.prepare(await bundle(ctx, "production"))
    address, suite = place.address(slot.slot), ctx.playbook.smoke
    result, report = await run_suite(ctx, "canary-smoke", suite, "production", address, ctx.release.version)
    return suite_failed("canary smoke", result, report)


async def _take_step(ctx: Context, step: int) -> Outcome:
    now = ctx.clock()
    until = now + ctx.playbook.canary.hold
    since = ctx.run.data.get("since", now.isoformat())
    await touch(ctx)
    await ctx.remember(step=step, until=until.isoformat(), since=since)
    ctx.guard()
    await target(ctx, "production").shift(ctx.release.id, ctx.playbook.canary.steps[step])
    return _holding(ctx, until)


async def touch(ctx: Context) -> None:
    """Commit that production traffic is touched, before it is: from here on the only way out is the way back.

    Raises Turned when a person has stopped the release: an abort that was accepted is kept.
    """
    if ctx.release.production_touched:
        return
    async with ctx.recording(Fact("production_touched", payload={"stage": ctx.run.name})) as session:
        ctx.held.straight()  # with the row locked: either the abort comes first, or it is refused
        await session.execute(
            update(Release).where(Release.id == ctx.release.id).values(production_touched=True)
        )
    ctx.release.production_touched = True


def _holding(ctx: Context, until: datetime) -> Waiting:
    share = ctx.playbook.canary.steps[ctx.run.data["step"]]
    look_again = min(until, ctx.clock() + ctx.playbook.watch.every)
    return Waiting("canary_holding", {"share": share, "until": until.timestamp()}, due_at=look_again)


def _kept_at(ctx: Context, held: Waiting, share: int) -> Waiting:
    """Production is frozen or locked while a canary is under way: it stays at its share, and is watched on."""
    return _watched(ctx, Waiting(f"canary_{held.code}", held.facts | {"share": share}, held.due_at))


def _watched(ctx: Context, held: Waiting) -> Waiting:
    look_again = ctx.clock() + ctx.playbook.watch.every
    return replace(held, due_at=min(held.due_at or look_again, look_again))


async def _canary_unwell(ctx: Context, since: str) -> Failed | None:
    status = await target(ctx, "production").status()
    if status.other is None or status.other.release_id != ctx.release.id or not status.other.warm:
        return Failed("canary_down")
    lines = await critical_lines(ctx, datetime.fromisoformat(since))
    return Failed("canary_critical", {"lines": lines[:5]}) if lines else None


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
    return await _canary_unwell(ctx, since) or _watched(ctx, held)


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
