"""The product's dashboard in the watch: at each look it opens and shows its series; a failure counts when it lasts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pipeline.context import Context
from pipeline.errors import PipelineError
from pipeline.events import CARD, Fact, request
from pipeline.stages.common import target

SUSTAINED = 2
"""Looks in a row that must fail: a page that did not open once is no news."""
MOST = 20
"""Lapses that are kept, the last ones."""

State = Mapping[str, Any]
"""`failed`: looks in a row that failed, the last of them `at`; `lapses`: failures that lasted, each with `since`,
`until` (None while it does) and its `problem`. Times are POSIX."""

NEVER: State = {"failed": 0, "at": 0.0, "since": 0.0, "lapses": []}


async def look(ctx: Context) -> State:
    """Look at the dashboard, if the playbook names one, and keep what was found; a lapse is told when it begins and
    when it is over."""
    before, settings = known(ctx.run.data), ctx.playbook.watch
    if settings.dashboard is None:
        return before
    now = after(before, await problem(ctx), ctx.clock(), settings.every)
    if now != before:
        topics = (CARD, request("dashboard", ctx.run.id))
        was, lapse = lasting(before), lasting(now)
        told = [Fact("dashboard_lapsed", payload=dict(lapse), topics=topics)] if lapse and not was else []
        over = (
            [Fact("dashboard_back", payload=dict(now["lapses"][-1]), topics=topics)]
            if was and not lapse
            else []
        )
        await ctx.remember(*told, *over, dashboard=now)
    return now


def known(data: Mapping[str, Any]) -> State:
    """What the looks so far found, as the watch keeps it."""
    found: State = data.get("dashboard", NEVER)
    return found


def lasting(state: State) -> Mapping[str, Any] | None:
    """The lapse that is not over."""
    lapses = state["lapses"]
    return lapses[-1] if lapses and lapses[-1]["until"] is None else None


def after(state: State, found: str | None, at: datetime, every: timedelta) -> State:
    """The state after a further look that found this problem, or none. Pure. The watch is woken by what people say,
    too: a look that follows at once does not count as a second one."""
    now, lapses, lapse = at.timestamp(), list(state["lapses"]), lasting(state)
    if found is None:
        if lapse:
            lapses[-1] = {**lapse, "until": now}
        return {**NEVER, "lapses": lapses}
    if state["failed"] and now - state["at"] < every.total_seconds() / 2:
        return state
    failed, since = state["failed"] + 1, state["since"] if state["failed"] else now
    if failed >= SUSTAINED and not lapse:
        lapses = [*lapses, {"since": since, "until": None, "problem": found}][-MOST:]
    return {"failed": min(failed, SUSTAINED), "at": now, "since": since, "lapses": lapses}


async def problem(ctx: Context) -> str | None:
    """Why the dashboard does not count as showing metrics; None when it does."""
    settings = ctx.playbook.watch
    address = f"{target(ctx, 'production').address()}{settings.dashboard}"
    try:
        page = await ctx.ports.open_page(address)
    except PipelineError as error:
        return ctx.ports.redact(str(error))[:300]
    missing = [text for text in settings.dashboard_shows if text not in page]
    return f"{address} does not show {', '.join(missing)}"[:300] if missing else None
