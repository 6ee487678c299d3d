"""What keeps a release that is under way out of an environment: a lock that a person made, or a freeze.

It waits, and loses nothing. Whoever opens the environment wakes it; what ends by itself is looked at when it is over.
"""

from datetime import datetime, timedelta

from pipeline import freezes, locks
from pipeline.context import Context, Outcome, StageFunction, Waiting
from pipeline.models import Lock
from pipeline.models_time import FreezeWindow

LOOK_AGAIN = timedelta(minutes=10)
"""The longest between two looks at a freeze: bot.toml may be changed while a release waits."""


def when_open(environment: str, stage: StageFunction) -> StageFunction:
    """A stage that waits until nobody keeps releases out of an environment.

    Once production is touched this is left to the stages: half-way in is no place to stand still unwatched.
    """

    async def run(ctx: Context) -> Outcome:
        half_way = environment == "production" and ctx.release.production_touched
        return (None if half_way else await kept_out(ctx, environment)) or await stage(ctx)

    return run


async def kept_out(ctx: Context, environment: str) -> Waiting | None:
    """Why the release has to wait before an environment now; None when it may go on."""
    if ctx.release.direction != "release":
        return None
    now = ctx.clock()
    async with ctx.db.reading() as session:
        lock = await session.get(Lock, (ctx.release.product, environment))
        made = await session.get(FreezeWindow, ctx.release.product)
    if lock is not None and locks.by_hand(lock) and not locks.expired(lock, now):
        return Waiting("locked_out", locks.told(lock, ctx.product), due_at=lock.expires_at)
    return _frozen(ctx, made, now) if environment == "production" else None


def _frozen(ctx: Context, made: FreezeWindow | None, now: datetime) -> Waiting | None:
    frozen = freezes.standing(ctx.product, made, now, hotfix=ctx.release.hotfix)
    if frozen is None:
        return None
    facts = {
        "name": frozen.name,
        "reason": frozen.reason,
        "by": frozen.by,
        "until": frozen.until.timestamp() if frozen.until else None,
        "zone": ctx.product.timezone,
    }
    return Waiting("frozen", facts, due_at=min(frozen.until or now + LOOK_AGAIN, now + LOOK_AGAIN))
