"""Announcements: the fact is recorded with its message; the outbox sees that it is said once."""

from pipeline.context import Context, Outcome, Passed
from pipeline.events import ANNOUNCEMENT, CARD, WAY_BACK, Fact
from pipeline.mails import mail


async def release(ctx: Context) -> Outcome:
    """Version, changes, risks and the way back, to the product's channel."""
    if not ctx.run.data.get("said"):
        topics = (CARD, ANNOUNCEMENT, mail("announcement"))
        await ctx.remember(Fact("release_announced", topics=topics), said=True)
    return Passed("announced")


async def rollback(ctx: Context) -> Outcome:
    """A rollback is announced like a release."""
    if not ctx.run.data.get("said"):
        await ctx.remember(Fact("rollback_announced", topics=(CARD, WAY_BACK, mail("rollback"))), said=True)
    return Passed("announced_back")
