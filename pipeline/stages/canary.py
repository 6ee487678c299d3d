"""The canary: smoke on the candidate itself, then a small share of the users, step by step, watched all the while."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import update

from pipeline.context import Context, Failed, Outcome, Passed, Skipped, Waiting
from pipeline.events import Fact
from pipeline.models import Release
from pipeline.stages import limits
from pipeline.stages.closed import kept_out
from pipeline.stages.common import (
    bundle,
    kept_by,
    last_decision,
    suite_failed,
    target,
)
from pipeline.stages.evaluated import unevaluated_images
from pipeline.stages.flags import add_new
from pipeline.stages.logs import critical_lines, new_errors
from pipeline.stages.measure import BEFORE, NOW, sample
from pipeline.stages.running import run_suite


async def run(ctx: Context) -> Outcome:
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
    await sample(ctx, {NOW: ctx.release.id, BEFORE: ctx.release.base_release})
    return await unwell(ctx, ctx.run.data["since"]) or await _hold_or_go_on(ctx, ctx.run.data["step"])


async def _hold_or_go_on(ctx: Context, step: int) -> Outcome:
    """A step counts only with its traffic: interrupted before the shift, it begins anew."""
    share = (await target(ctx, "production").status()).share
    has_its_share = share == ctx.playbook.canary.steps[step]
    paused = await _paused(ctx) if has_its_share else None
    kept = await kept_by(ctx)
    if kept is None and (against := await _speaks_against_it(ctx, share)):
        return against
    if paused:
        return paused
    until = datetime.fromisoformat(ctx.run.data["until"])
    if has_its_share and kept is None and ctx.clock() < until:
        return _holding(ctx, until)
    if held := await kept_out(ctx, "production"):
        return _kept_at(ctx, held, share)
    return await _go_on(ctx, step, kept) if has_its_share else await _take_step(ctx, step)


async def _speaks_against_it(ctx: Context, share: int) -> Failed | Waiting | None:
    """What by its policy sends the release back, or is proposed to."""
    since = datetime.fromisoformat(ctx.run.data["since"])
    found = await limits.broken(ctx, share=share) or await new_errors(ctx, since)
    return replace(found, facts=found.facts | {"share": share}) if found else None


async def _go_on(ctx: Context, step: int, kept: str | None) -> Outcome:
    share = ctx.playbook.canary.steps[step]
    if kept:
        return Passed(_by_whom(ctx), {"share": share, "by": kept})
    if step + 1 < len(ctx.playbook.canary.steps):
        return await _take_step(ctx, step + 1)
    return await _everybody_or_ask(ctx, share)


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
    settings = ctx.playbook.canary
    if settings.inconclusive == "ask" and (found := await limits.unclear(ctx)):
        return limits.asked(ctx, "canary_unclear", {"share": share, "limits": found})
    if settings.ask:
        return limits.asked(ctx, "canary_asks", {"share": share})
    measured = await limits.measured(ctx)
    return Passed("canary_passed", {"share": share, **({"measured": measured} if measured else {})})


def _by_whom(ctx: Context) -> str:
    """Whether the person who let it go on was told of something that spoke against it."""
    return "canary_overruled" if "broken" in ctx.run.data else "canary_passed"


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
    await sample(ctx, {NOW: ctx.release.id, BEFORE: ctx.release.base_release})
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
    return watched(ctx, Waiting(f"canary_{held.code}", held.facts | {"share": share}, held.due_at))


def watched(ctx: Context, held: Waiting) -> Waiting:
    look_again = ctx.clock() + ctx.playbook.watch.every
    return replace(held, due_at=min(held.due_at or look_again, look_again))


async def unwell(ctx: Context, since: str) -> Failed | None:
    status = await target(ctx, "production").status()
    if status.other is None or status.other.release_id != ctx.release.id or not status.other.warm:
        return Failed("canary_down")
    lines = await critical_lines(ctx, datetime.fromisoformat(since))
    return Failed("canary_critical", {"lines": lines[:5]}) if lines else None
