"""What people do with a checklist's items: tick, take back, say why one is not needed, give one to somebody.

What the bot proves itself nobody unticks; what it could not prove a person may tick, and is named.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.deciding import UNDECIDED, may, speaking, still_waiting
from pipeline.errors import Refused
from pipeline.events import BOT, CARD, CHECKLIST, Fact, record
from pipeline.models import ChecklistItem, Release, StageRun
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.snapshot import Snapshot


async def tick(service: Service, actor: Actor, release_id: str, item_id: int) -> None:
    """Tick a checklist item. Ticking it twice is one tick; an item of the past is refused."""
    async with _changing(service, actor, release_id, item_id) as (session, release, row):
        if not row.done:
            _done(service, actor, row, {})
            await _told(service, session, release, actor, row, "item_ticked")


async def untick(service: Service, actor: Actor, release_id: str, item_id: int) -> None:
    """Take back what a person ticked, by mistake or because it is not so any more. Raises Refused."""
    async with _changing(service, actor, release_id, item_id) as (session, release, row):
        if row.done_by == BOT:
            raise Refused("proven", title=row.title)
        if row.done:
            row.done, row.done_by, row.done_at, row.evidence = False, None, None, {}
            await _told(service, session, release, actor, row, "item_unticked")


async def waive(service: Service, actor: Actor, release_id: str, item_id: int, reason: str) -> None:
    """Say why an item is not needed this time: it counts as done, with the reason. Raises Refused."""
    if not reason.strip():
        raise Refused("reason_missing")
    async with _changing(service, actor, release_id, item_id) as (session, release, row):
        if not row.done:
            facts = {"by": actor.user, "reason": reason}
            _done(service, actor, row, {"code": "not_needed", "facts": facts})
            await _told(service, session, release, actor, row, "item_waived", reason=reason)


async def assign(service: Service, actor: Actor, release_id: str, item_id: int, user: str) -> None:
    """Give an item to somebody: reminders then name only them. Raises Refused."""
    async with _changing(service, actor, release_id, item_id) as (session, release, row):
        if not row.done and row.assignee != user:
            row.assignee = user
            await _told(service, session, release, actor, row, "item_assigned", to=user)


@contextlib.asynccontextmanager
async def _changing(
    service: Service, actor: Actor, release_id: str, item_id: int
) -> AsyncIterator[tuple[AsyncSession, Release, ChecklistItem]]:
    """A transaction on an item of a checklist that is being gone through, by somebody who may."""
    found = await service.snapshot(release_id)
    item = next((item for item in found.items if item.id == item_id), None)
    run = _run_of(found, item)
    if item is None or run is None or run.status not in UNDECIDED:
        raise Refused("out_of_date", version=found.release.version)
    await may(service, actor, "tick", found)
    async with speaking(service, release_id, service.clock()) as (session, release):
        await still_waiting(session, run.id, release)
        yield session, release, await session.get_one(ChecklistItem, item_id)


def _run_of(found: Snapshot, item: ChecklistItem | None) -> StageRun | None:
    return found.runs.get("checklist" if item and item.phase == "before" else "after")


def _done(service: Service, actor: Actor, row: ChecklistItem, evidence: dict[str, Any]) -> None:
    row.done, row.done_by, row.done_at, row.evidence = True, actor.user, service.clock(), evidence


async def _told(
    service: Service,
    session: AsyncSession,
    release: Release,
    actor: Actor,
    row: ChecklistItem,
    kind: str,
    **further: str,
) -> None:
    payload = {"item": row.key, "title": row.title, **further}
    fact = Fact.by(actor, kind, payload, (CARD, CHECKLIST[row.phase]))
    await record(session, release, [fact], service.clock())
