"""Opening the forms, and what they say when they are submitted."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from slack_sdk.errors import SlackApiError

from handlers.answers import GONE_TRIGGERS, UNREACHABLE, code
from handlers.blocks import forms as blocks
from handlers.desk import Desk, Request
from handlers.text import ids, refusals
from handlers.text.language import tr
from pipeline import deciding, overruling, turning
from pipeline.errors import Refused

REASONED = frozenset({
    ids.REJECT_FORM, ids.ROLLBACK_FORM, ids.OVERRULE_FORM, ids.WAIVE_FORM, ids.ALONE_FORM,
})  # fmt: skip
"""Forms that need a reason."""
_SAID = ("value", "selected_user", "selected_date", "selected_time")

View = dict[str, Any]


async def open_approval(desk: Desk, request: Request, release_id: str, run_id: int | None = None) -> None:
    """Show the approver exactly what they would approve; refused at once when they may not."""

    async def draw() -> View:
        found, person = await deciding.check_approver(desk.service, request.actor, release_id, run_id)
        deciding.may_still_approve(desk.service, request.actor, person, found)
        return blocks.approve(found, found.runs["approval"].id)

    await open_soon(desk, request, draw)


async def open_rejection(
    desk: Desk, request: Request, release_id: str, run_id: int | None = None, why: str = ""
) -> None:
    """The form of a rejection; `why` is what was typed of the reason."""

    async def draw() -> View:
        found, _ = await deciding.check_approver(desk.service, request.actor, release_id, run_id)
        return blocks.reject(found, found.runs["approval"].id, why)

    await open_soon(desk, request, draw)


async def open_rollback(
    desk: Desk,
    request: Request,
    product: str,
    release_id: str | None = None,
    why: str = "",
    version: str | None = None,
) -> None:
    """Show what going back means before anybody does it; `why` and `version` are what was typed. Raises Refused."""

    async def draw() -> View:
        back = await turning.way_back(desk.service, request.actor, product, release_id)
        if version not in (None, back.release.version, back.to.version):
            raise Refused("another_way_back", asked=version, version=back.release.version, to=back.to.version)
        return blocks.roll_back(back, why)

    await open_soon(desk, request, draw)


async def open_overruling(desk: Desk, request: Request, release_id: str, run_id: int) -> None:
    """Show an approver what of the evaluation they would overrule; refused at once when they may not."""

    async def draw() -> View:
        return blocks.overrule(*await overruling.check(desk.service, request.actor, release_id, run_id))

    await open_soon(desk, request, draw)


async def open_soon(desk: Desk, request: Request, draw: Callable[[], Coroutine[Any, Any, View]]) -> None:
    """Show a form that is looked up first. What takes longer than a trigger may wait is filled in when it is known.

    Raises Refused.
    """
    if request.trigger is None:
        raise Refused("press_again")
    drawing = asyncio.create_task(draw())
    try:
        if (await asyncio.wait({drawing}, timeout=desk.soon))[0]:
            await open_view(desk, request, drawing.result())
        else:
            opened = await open_view(desk, request, blocks.waiting())
            await _fill(desk, request, opened, drawing)
    finally:
        desk.service.db.cancel(drawing)
        await asyncio.gather(drawing, return_exceptions=True)


async def _fill(desk: Desk, request: Request, opened: View, drawing: "asyncio.Task[View]") -> None:
    try:
        view = await drawing
    except Refused as refusal:
        await _update(desk, request, opened, blocks.waiting(inline(refusal)))
        raise
    await _update(desk, request, opened, view)


async def _update(desk: Desk, request: Request, opened: View, view: View) -> None:
    """Put another view in the place of one, unless the person has closed it."""
    with _told():
        try:
            await desk.client.views_update(
                view_id=opened["id"], hash=opened["hash"], view=_ours(request, view)
            )
        except SlackApiError as error:
            if code(error) != "not_found":
                raise


async def open_view(desk: Desk, request: Request, view: View) -> View:
    """Show a form; gives Slack's own. A trigger lives three seconds: after a restart it is gone, and the person
    presses again."""
    if request.trigger is None:
        raise Refused("press_again")
    with _told():
        answer = await desk.client.views_open(trigger_id=request.trigger, view=_ours(request, view))
    opened: View = answer["view"]
    return opened


def _ours(request: Request, view: View) -> View:
    hints = _hints(view["private_metadata"]) | {"channel": request.channel}
    return view | {"private_metadata": json.dumps(hints)}


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What Slack does not do becomes a refusal."""
    try:
        yield
    except SlackApiError as error:
        if code(error) in GONE_TRIGGERS:
            raise Refused("press_again") from error
        raise Refused("slack_trouble", error=code(error)) from error
    except UNREACHABLE as error:
        raise Refused("slack_trouble", error=type(error).__name__) from error


# ------------------------------------------------------------ submissions


async def approved(desk: Desk, request: Request) -> None:
    hints = request.fields
    await deciding.decide(
        desk.service, request.actor, *target(hints), "approve", hints.get(ids.NOTE) or "", request.origin
    )


async def rejected(desk: Desk, request: Request) -> None:
    hints = request.fields
    await deciding.decide(
        desk.service, request.actor, *target(hints), "reject", hints.get(ids.REASON) or "", request.origin
    )


async def rolled_back(desk: Desk, request: Request) -> None:
    """The base is compared again: what the form showed must still be what would happen."""
    hints = request.fields
    back = await turning.way_back(desk.service, request.actor, "", str(hints.get("release", "")))
    if back.to.id != hints.get("to"):
        raise Refused("out_of_date", version=back.release.version)
    undo = ids.UNDO in hints.get("boxes", []) if back.undoable else False
    await turning.roll_back(
        desk.service, request.actor, back.release.id, hints.get(ids.REASON) or "", undo, request.origin
    )


async def overruled(desk: Desk, request: Request) -> None:
    """Bound to what the form showed: after another run of the evaluation it is out of date."""
    hints = request.fields
    seen, reason = str(hints.get("seen", "")), hints.get(ids.REASON) or ""
    await overruling.overrule(desk.service, request.actor, *target(hints), seen, reason, request.origin)


def target(hints: dict[str, Any]) -> tuple[str, int]:
    """The release and the stage run that a form is about, by its hints."""
    run = hints.get("run")
    return str(hints.get("release", "")), run if isinstance(run, int) else -1


def read(view: dict[str, Any]) -> dict[str, Any]:
    """What a submitted form says: the hints it carried, its texts by block, its ticked boxes."""
    found = _hints(view.get("private_metadata", ""))
    boxes: list[str] = []
    for block, inputs in view.get("state", {}).get("values", {}).items():
        value = inputs.get(ids.INPUT) or {}
        chosen = (value.get("selected_option") or {}).get("value")
        found[block] = next((said for key in _SAID if (said := value.get(key))), chosen)
        boxes += [str(option.get("value")) for option in value.get("selected_options") or ()]
    return found | {"boxes": boxes}


def _hints(text: str) -> dict[str, Any]:
    try:
        hints = json.loads(text)
    except ValueError:
        return {}
    return {str(key): value for key, value in hints.items()} if isinstance(hints, dict) else {}


def mistakes(callback: str, fields: dict[str, Any]) -> dict[str, str]:
    """Errors by block id, for the form itself to show."""
    if callback == ids.APPROVE_FORM and len([b for b in fields["boxes"] if b in ("changes", "back")]) < 2:
        return {ids.SEEN: tr("Look at both, then tick both: the way back is part of what you approve.")}
    if callback in REASONED and not (fields.get(ids.REASON) or "").strip():
        said = tr("Write one sentence: it goes into the record and to the people concerned.")
        return {ids.REASON: said}
    return {}


def inline(refused: Refused) -> str:
    """A refusal in the place of one field: why, and what next."""
    return " ".join(part.replace("`", "") for part in refusals.sentences(refused)[1:])
