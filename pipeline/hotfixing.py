"""A hotfix: a release that may pass a freeze, where bot.toml lets it. It needs a reason, and it is loud.

Everything else is asked of it as of any release: the tests, the checklist, and an approval by a second person. Only
where bot.toml says so may who asked for it record, after some time, that nobody could be reached (alone.py).
"""

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import openness
from pipeline.errors import Refused
from pipeline.events import HOTFIX, Fact, record
from pipeline.models import Release
from pipeline.policy import Actor
from pipeline.service import Service

LONGEST = 500
"""Characters of a reason that are kept."""


async def start(
    service: Service, actor: Actor, product: str, text: str, ref: str | None, reason: str, origin: str
) -> Release:
    """Start a hotfix; it is written down with its reason, and with the freeze that it passes. Raises Refused."""
    reason = reason.strip()[:LONGEST]
    if not reason:
        raise Refused("hotfix_reason_missing", version=text[:40])

    async def declare(session: AsyncSession, release: Release) -> None:
        settings, now = service.product(product), service.clock()
        passed = await openness.frozen(session, product, settings, release.version, now)
        freeze = passed.facts["name"] if passed else ""
        told = {"reason": reason, "freeze": freeze}
        release.hotfix_facts = told
        await record(session, release, [Fact.by(actor, "hotfix_declared", told, (HOTFIX,))], now)

    return await service.start(
        actor,
        product,
        text,
        ref,
        service.product(product).channel,
        origin,
        hotfix=True,
        action="override",
        within=declare,
    )
