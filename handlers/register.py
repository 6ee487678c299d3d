"""What Bolt calls: each listener keeps the request, acknowledges it, and hands it to the desk."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers import (
    actions,
    asking,
    asks,
    closing,
    commands,
    customers,
    flags,
    following,
    forms,
    home,
    hotfix,
    items,
    schedule,
    starting,
)
from handlers.desk import Desk, Handler, Request
from handlers.text import ids, refusals
from pipeline.errors import Refused, StoreError

log = structlog.get_logger()

Listener = Callable[..., Awaitable[None]]

ACTIONS: Mapping[str, Handler] = {
    ids.APPROVE: actions.approve,
    ids.REJECT: actions.reject,
    ids.ALONE: hotfix.press_alone,
    ids.ROLLBACK: actions.roll_back,
    ids.START: actions.start,
    ids.TICK: actions.tick,
    ids.UNTICK: actions.untick,
    ids.WAIVE: items.open_waive,
    ids.ASSIGN: items.open_assign,
    ids.KEEP: actions.keep,
    ids.GO_BACK: actions.go_back,
    ids.AGAIN: actions.again,
    ids.ABORT: actions.abort,
    ids.RETRY: actions.retry,
    ids.PAUSE: actions.pause,
    ids.RESUME: actions.resume,
    ids.UNLOCK: actions.unlock,
    ids.OVERRULE: actions.overrule,
    ids.FLAG: flags.pressed,
    ids.OPEN_LOCK: closing.press_unlock,
    ids.THAW: closing.press_thaw,
    ids.QUEUE: schedule.press_queue,
    ids.UNSCHEDULE: schedule.press_cancel,
    ids.GO_ON: schedule.press_go_on,
    ids.FILL: commands.fill,
    ids.NOTE_EDIT: customers.open_edit,
    ids.NOTE_SEND: customers.send,
}

FORMS: Mapping[str, Handler] = {
    ids.APPROVE_FORM: forms.approved,
    ids.REJECT_FORM: forms.rejected,
    ids.ALONE_FORM: hotfix.went_on,
    ids.ROLLBACK_FORM: forms.rolled_back,
    **dict.fromkeys(asks.FORMS, commands.on_form),
    ids.PRODUCT_FORM: commands.for_product,
    ids.WAIVE_FORM: items.waived,
    ids.ASSIGN_FORM: items.assigned,
    ids.OVERRULE_FORM: forms.overruled,
    ids.NOTE_FORM: customers.edited,
}

SHORTCUTS: Mapping[str, Handler] = {
    ids.START_SHORTCUT: starting.open_form,
    ids.FOLLOW_SHORTCUT: following.of_message,
    ids.ROLLBACK_SHORTCUT: actions.roll_back_message,
}


def register(app: AsyncApp, desk: Desk) -> None:
    """Connect everything that manifest.yml promises: the commands, the controls, the forms, the Home tab."""
    names = desk.service.config.commands
    desk.handlers |= {("action", name): handler for name, handler in ACTIONS.items()}
    desk.handlers |= {("view", name): handler for name, handler in FORMS.items()}
    desk.handlers |= {("shortcut", name): handler for name, handler in SHORTCUTS.items()}
    desk.handlers |= {("command", names.release): commands.on_release}
    desk.handlers |= {("command", names.approve): commands.on_approve}
    desk.handlers |= {("command", names.rollback): commands.on_rollback}
    for name in (names.release, names.approve, names.rollback):
        app.command(name)(_on_command(desk))
    app.action(re.compile(r".*\.link$"))(_acknowledge)
    app.action(re.compile(r".*"))(_on_action(desk))
    app.view(re.compile(r".*"))(_on_view(desk))
    for name in SHORTCUTS:
        app.shortcut(name)(_on_shortcut(desk))
    app.event("app_home_opened")(_on_home(desk))


def _on_command(desk: Desk) -> Listener:
    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        request = Request(
            kind="command",
            name=body["command"],
            user=body["user_id"],
            team=body.get("team_id", ""),
            channel=body["channel_id"],
            origin=f"command {body['trigger_id']}",
            response_url=body.get("response_url"),
            trigger=body["trigger_id"],
            fields={"text": _typed(body.get("text", ""))},
        )
        try:
            row = await desk.store(request)
        except StoreError:
            log.warning("a command could not be recorded", user=request.user)
            with desk.at_once(request.user, request.channel):
                await ack(desk.refusal(Refused("not_recorded")))
            return
        await ack()
        if row is not None:
            desk.begin(row, request)

    return listener


def _typed(text: str) -> str:
    """A command's text as it was typed: Slack escapes these three (should_escape)."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


async def _acknowledge(ack: AsyncAck) -> None:
    """A link was opened: the browser did it, Slack only wants to know that we heard."""
    await ack()


def _on_action(desk: Desk) -> Listener:
    async def listener(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        name = action["action_id"]
        if name not in ACTIONS:
            log.warning("a control of another version was used", action=name)
            await ack()
            return
        await _keep_and_begin(desk, ack, _click(body, action))

    return listener


def _click(body: dict[str, Any], action: dict[str, Any]) -> Request:
    user, container = body["user"], body.get("container", {})
    return Request(
        kind="action",
        name=action["action_id"],
        user=user["id"],
        team=user.get("team_id", ""),
        channel=body.get("channel", {}).get("id", ""),
        origin=f"action {action.get('action_ts')} {user['id']} {container.get('message_ts')}",
        response_url=body.get("response_url"),
        trigger=body.get("trigger_id"),
        fields={"value": action.get("value", "")},
    )


def _on_shortcut(desk: Desk) -> Listener:
    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        user = body["user"]
        request = Request(
            kind="shortcut",
            name=body["callback_id"],
            user=user["id"],
            team=user.get("team_id", ""),
            channel=body.get("channel", {}).get("id", ""),
            origin=f"shortcut {body['trigger_id']}",
            response_url=body.get("response_url"),
            trigger=body["trigger_id"],
            fields={"value": _release_of(body.get("message", {}))},
        )
        await _keep_and_begin(desk, ack, request)

    return listener


def _release_of(message: dict[str, Any]) -> str:
    """The release that a message of ours is about, by its id in the message: a hint, as a button's value is."""
    found = re.search(r"rel_[0-9A-Z]{26}", json.dumps(message.get("blocks", [])))
    return found[0] if found else ""


async def _keep_and_begin(desk: Desk, ack: AsyncAck, request: Request) -> None:
    try:
        row = await desk.store(request)
    except StoreError:
        log.warning("a click could not be recorded", user=request.user)
        await ack()
        await desk.refuse(request, Refused("not_recorded"))
        return
    await ack()
    if row is not None:
        desk.begin(row, request)


def _on_view(desk: Desk) -> Listener:
    async def listener(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        fields = forms.read(view)
        name, user = view["callback_id"], body["user"]
        if name not in FORMS:
            await ack()
            return
        with desk.at_once(user["id"], str(fields.get("channel", ""))):
            errors = (
                asking.mistakes(desk, name, fields) if name in asks.FORMS else forms.mistakes(name, fields)
            )
        if errors:
            await ack(response_action="errors", errors=errors)
            return
        origin = f"view {view.get('id')} {view.get('hash')} {user['id']}"
        request = Request("view", name, user["id"], user.get("team_id", ""), str(fields.get("channel", "")), origin,
                          trigger=body.get("trigger_id"), fields=fields)  # fmt: skip
        try:
            row = await desk.store(request)
        except StoreError:
            log.warning("a form could not be recorded", user=request.user)
            block = next(iter(view.get("state", {}).get("values", {})), ids.REASON)
            with desk.at_once(request.user, request.channel):
                said = " ".join(refusals.sentences(Refused("not_recorded")))
            await ack(response_action="errors", errors={block: said})
            return
        await ack()
        if row is not None:
            desk.begin(row, request)

    return listener


def _on_home(desk: Desk) -> Listener:
    async def listener(event: dict[str, Any]) -> None:
        if event.get("tab", "home") == "home":
            await home.publish(desk, event["user"])

    return listener
