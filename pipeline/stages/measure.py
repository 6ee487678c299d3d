"""Measuring a release beside the version before it: what is read becomes windows, and windows become verdicts.

Everything is kept with the stage run: the last reading of each side, and the windows so far. A repeat goes on from
there; a bot that was away has one long window.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from pipeline.comparing import Verdict, judge, make_ready
from pipeline.context import Context, Outcome, Passed, Skipped, Waiting
from pipeline.errors import MetricsError
from pipeline.measuring import wanted, window, windows
from pipeline.ports import Side, SlotStatus, Values
from pipeline.stages.common import target

NOW, BEFORE = "now", "before"
"""The sides: the release, and the version that was in service before it."""


async def before(ctx: Context) -> Outcome:
    """Measure the version in service, until production is touched; nothing waits for it."""
    if not ctx.playbook.watch.limits:
        return Skipped("no_limits")
    if ctx.release.base_release is None:
        return Skipped("first_release")
    await asyncio.to_thread(make_ready)
    now = ctx.clock()
    if "canary" in ctx.runs or now >= ctx.run.started_at + ctx.playbook.watch.before:
        return Passed("measured", {"windows": _longest(ctx.run.data)})
    await sample(ctx, {BEFORE: ctx.release.base_release})
    return Waiting("measuring", due_at=now + ctx.playbook.watch.every)


def _longest(data: Mapping[str, Any]) -> int:
    return max((len(each) for each in data.get("windows", {}).get(BEFORE, {}).values()), default=0)


async def sample(ctx: Context, sides: Mapping[str, str | None]) -> None:
    """Read the numbers of the releases on each side, and keep what happened since the last reading.

    A source that does not answer is kept as the reason why there are no numbers; it is no error of the release.
    """
    if not ctx.playbook.watch.limits:
        return
    slots = await _slots(ctx)
    data = {"read": dict(ctx.run.data.get("read", {})), "windows": dict(ctx.run.data.get("windows", {}))}
    problems = [
        await _sample(ctx, data, side, slots[release_id])
        for side, release_id in sides.items()
        if release_id in slots and _is_time(ctx, data["read"].get(side))
    ]
    if problems:
        await ctx.remember(**data, unread=next(filter(None, problems), ""))


async def _slots(ctx: Context) -> dict[str, SlotStatus]:
    status = await target(ctx, "production").status()
    return {slot.release_id: slot for slot in (status.live, status.other) if slot}


def _is_time(ctx: Context, last: Mapping[str, Any] | None) -> bool:
    """Whether a window has passed; a stage is woken by whatever people say, too."""
    every = ctx.playbook.watch.every.total_seconds()
    return last is None or ctx.clock().timestamp() - last["at"] >= every / 2


async def _sample(ctx: Context, data: dict[str, Any], side: str, slot: SlotStatus) -> str:
    """Read one side into `data`; gives why it could not be read."""
    try:
        values = await read(ctx, slot)
    except MetricsError as error:
        return ctx.ports.redact(str(error))
    last, at = data["read"].get(side), ctx.clock().timestamp()
    if last and last["slot"] == slot.slot:
        data["windows"][side] = _longer(ctx, data["windows"].get(side, {}), last, values, at)
    data["read"][side] = {"at": at, "slot": slot.slot, "values": values}
    return ""


async def read(ctx: Context, slot: SlotStatus) -> dict[str, Values]:
    """The numbers of a slot as they stand. Raises MetricsError."""
    settings = ctx.playbook.watch
    page = target(ctx, "production").address(slot.slot) + settings.metrics if settings.metrics else ""
    side = Side(slot.version, slot.slot, page, settings.every.total_seconds())
    return dict(await ctx.ports.metrics.read(wanted(settings.limits), side))


def _longer(
    ctx: Context, kept: Mapping[str, Any], last: Mapping[str, Any], values: Mapping[str, Values], at: float
) -> dict[str, Any]:
    """The windows of each limit with the newest one; a limit without data has none."""
    longer = dict(kept)
    for limit in ctx.playbook.watch.limits:
        if new := window(limit, last["values"], values, at, at - last["at"]):
            longer[limit.name] = [*kept.get(limit.name, []), new.kept()]
    return longer


async def verdicts(ctx: Context) -> list[Verdict]:
    """The verdict on each limit so far: this stage's own windows, beside those from before the release."""
    return await asyncio.to_thread(_verdicts, ctx)


def _verdicts(ctx: Context) -> list[Verdict]:
    own, runs = ctx.run.data.get("windows", {}), ("measure", "canary")
    earlier = [ctx.data(name).get("windows", {}) for name in runs if name != ctx.run.name] + [own]
    found = []
    for limit in ctx.playbook.watch.limits:
        then = [each for one in earlier for each in one.get(BEFORE, {}).get(limit.name, ())]
        found.append(judge(limit, windows(then), windows(own.get(NOW, {}).get(limit.name, ()))))
    return found
