"""What becomes of a limit that broke: by its policy the release goes back by itself, or a person is asked.

The way back that a limit begins is the ordinary one: the stage fails, and in the same transaction the release turns,
as after any stage that fails in production. A person's own way back comes first; there is never a second one.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.comparing import Verdict
from pipeline.context import Context, Failed, Waiting
from pipeline.errors import PipelineError
from pipeline.events import request
from pipeline.slots import is_warm
from pipeline.stages.common import base_release, images, target
from pipeline.stages.measure import verdicts
from pipeline.states import ReleaseStatus

GONE_BACK = (
    ReleaseStatus.ROLLED_BACK,
    ReleaseStatus.ROLLING_BACK,
    ReleaseStatus.FAILED,
    ReleaseStatus.CANCELLED,
)


async def broken(ctx: Context, **facts: Any) -> Failed | Waiting | None:
    """The outcome of a stage in which a limit broke, now or earlier; None while none has. `facts` are told with it.

    What broke stays so until somebody has decided: that it looks better now is no answer.
    """
    if not ctx.playbook.watch.limits:
        return None
    known: list[dict[str, Any]] = ctx.run.data.get("broken", [])
    new = [one for one in await verdicts(ctx) if _acts(ctx, one) and not _is_known(known, one)]
    if new:
        known = [*known, *(one.told() | {"policy": _policy(ctx, one)} for one in new)]
        await ctx.remember(broken=known)
    if not known:
        return None
    facts |= {"limits": known}
    if any(one["policy"] == "do" for one in known):
        why = await no_way_back(ctx)
        if why is None:
            return Failed("limit_broken", facts)
        facts["why_not"] = why
    return asked(ctx, "limit_proposed", facts)


def _acts(ctx: Context, verdict: Verdict) -> bool:
    return verdict.verdict == "failed" and _policy(ctx, verdict) != "off"


def _is_known(known: Sequence[dict[str, Any]], verdict: Verdict) -> bool:
    return any(one["limit"] == verdict.limit for one in known)


def _policy(ctx: Context, verdict: Verdict) -> str:
    return next(limit.policy for limit in ctx.playbook.watch.limits if limit.name == verdict.limit)


async def unclear(ctx: Context) -> list[dict[str, Any]]:
    """The limits on which nothing can be said, with the reasons; those that are only told are left out."""
    found = [
        one for one in await verdicts(ctx) if one.verdict == "inconclusive" and _policy(ctx, one) != "off"
    ]
    unread = ctx.run.data.get("unread", "")
    told = {"code": "unread", "why": unread[:300]} if unread else {}
    return [one.told() | (told if one.code in ("no_data", "too_few") else {}) for one in found]


async def measured(ctx: Context) -> list[dict[str, Any]]:
    """What each limit's numbers were, before and since, for the end of the watch."""
    return [one.told() for one in await verdicts(ctx)] if ctx.playbook.watch.limits else []


def asked(ctx: Context, code: str, facts: dict[str, Any]) -> Waiting:
    """A person is asked, and it is looked on: what breaks meanwhile may send the release back."""
    look_again = ctx.clock() + ctx.playbook.watch.every
    return Waiting(code, facts, due_at=look_again, asks=request("decision", ctx.run.id))


async def by_policy(ctx: Context, policy: str, code: str, facts: dict[str, Any]) -> Failed | Waiting:
    """Go back by itself (`do`) where that is safe; else a person is asked."""
    why = await no_way_back(ctx) if policy == "do" else None
    if policy == "do" and why is None:
        return Failed(code, facts)
    return asked(ctx, code, facts | ({"why_not": why} if why else {}))


async def no_way_back(ctx: Context) -> str | None:
    """Why the bot does not go back by itself: `no_version`, `went_back` (that one was rolled back itself), `gone` (it
    does not run, and an image of it is not there), `unsure` (that cannot be found out). None when it may."""
    previous = await base_release(ctx)
    if previous is None:
        return "no_version"
    if previous.status in GONE_BACK:
        return "went_back"
    if await is_warm(target(ctx, "production"), previous.id):
        return None
    try:
        found = await images(ctx, previous.id)
        there = [await ctx.ports.builder.exists(image) for image in found]
    except PipelineError:
        return "unsure"
    return None if there and all(there) else "gone"
