"""What people do with what customers are told: edit the draft, send it."""

from handlers import forms
from handlers.blocks import customers as blocks
from handlers.desk import Desk, Request
from pipeline import customers


async def open_edit(desk: Desk, request: Request) -> None:
    """The form with the draft's texts; refused at once for who may not."""

    async def draw() -> forms.View:
        return blocks.edit(*await customers.open_note(desk.service, request.actor, *_target(request)))

    await forms.open_soon(desk, request, draw)


async def edited(desk: Desk, request: Request) -> None:
    fields = request.fields
    release, seen = str(fields.get("release", "")), str(fields.get("seen", ""))
    await customers.edit(desk.service, request.actor, release, seen, fields, request.origin)


async def send(desk: Desk, request: Request) -> None:
    await customers.send(desk.service, request.actor, *_target(request), request.origin)


def _target(request: Request) -> tuple[str, str]:
    release, _, seen = str(request.fields.get("value") or "").partition(":")
    return release, seen
