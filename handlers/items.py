"""What people do with a checklist's items, beyond ticking them."""

from handlers import forms
from handlers.blocks import checklist as blocks
from handlers.desk import Desk, Request
from handlers.text import ids
from pipeline import ticking
from pipeline.deciding import may
from pipeline.errors import Refused
from pipeline.snapshot import Snapshot


async def open_waive(desk: Desk, request: Request) -> None:
    """The form that asks which item is not needed, and why."""

    async def draw() -> forms.View:
        return blocks.waive(*await _open_items(desk, request))

    await forms.open_soon(desk, request, draw)


async def open_assign(desk: Desk, request: Request) -> None:
    """The form that gives an item to somebody."""

    async def draw() -> forms.View:
        return blocks.assign(*await _open_items(desk, request))

    await forms.open_soon(desk, request, draw)


async def _open_items(desk: Desk, request: Request) -> tuple[Snapshot, str]:
    """The release whose checklist has something open. Raises Refused."""
    release, _, phase = str(request.fields.get("value") or "").partition(":")
    found = await desk.service.snapshot(release)
    await may(desk.service, request.actor, "tick", found)
    if not any(item.phase == phase and not item.done for item in found.items):
        raise Refused("out_of_date", version=found.release.version)
    return found, phase


async def waived(desk: Desk, request: Request) -> None:
    fields = request.fields
    reason = str(fields.get(ids.REASON) or "")
    await ticking.waive(desk.service, request.actor, str(fields.get("release", "")), _item(request), reason)


async def assigned(desk: Desk, request: Request) -> None:
    fields = request.fields
    user = str(fields.get(ids.PERSON) or "")
    await ticking.assign(desk.service, request.actor, str(fields.get("release", "")), _item(request), user)


def _item(request: Request) -> int:
    """The number of the item that was chosen; whatever a tampered form holds instead finds nothing."""
    chosen = str(request.fields.get(ids.ITEM) or "")
    return int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 15 else -1
