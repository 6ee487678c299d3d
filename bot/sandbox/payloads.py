"""The payloads that Slack sends to an app, field by field as real ones look."""

import secrets
import time
from collections.abc import Iterable
from typing import Any

from bot.sandbox.core import Core
from bot.sandbox.people import APP_ID, BOT_USER, TEAM, Channel, Shortcut, User
from bot.sandbox.render import DOMAIN, message_json, view_json
from bot.sandbox.workspace import Message, View

Json = dict[str, Any]
# The old verification token; Slack still sends one, and nobody should trust it.
VERIFICATION = "sandbox-verification-token"


def action_ts() -> str:
    """The time of a click: seconds and microseconds."""
    return f"{time.time():.6f}"


def _place(channel: Channel) -> Json:
    return {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}


def _person(user: User) -> Json:
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}


def interaction(kind: str, user: User) -> Json:
    """What every interaction carries."""
    return {
        "type": kind,
        "user": _person(user),
        "api_app_id": APP_ID,
        "token": VERIFICATION,
        "team": {"id": TEAM, "domain": DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def command(core: Core, user: User, channel: Channel, name: str, text: str) -> Json:
    """A slash command: flat, because it travels as a form."""
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": core.response_url(user.id, channel.id),
        "trigger_id": core.workspace.trigger(user.id, channel=channel.id),
    }


def message_click(core: Core, user: User, message: Message, action: Json, state: Json) -> Json:
    """block_actions from a message; an ephemeral one does not carry the message itself."""
    channel = core.workspace.channel(message.channel)
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.to is not None,
    }
    payload = interaction("block_actions", user) | {
        "container": container | ({"thread_ts": message.thread_ts} if message.thread_ts else {}),
        "trigger_id": core.workspace.trigger(user.id, channel=channel.id),
        "channel": _place(channel),
        "response_url": core.response_url(user.id, channel.id, message),
        "state": {"values": state},
        "actions": [action],
    }
    if message.to is None:
        payload["message"] = message_json(core.workspace, message)
    return payload


def view_click(core: Core, user: User, view: View, action: Json, state: Json) -> Json:
    """block_actions from a modal or the Home tab."""
    stacked = view.id if view.type == "modal" else None
    return interaction("block_actions", user) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": core.workspace.trigger(user.id, view=stacked, channel=view.channel),
        "view": view_json(view, state),
        "actions": [action],
    }


def submission(core: Core, user: User, view: View, state: Json) -> Json:
    """view_submission, with a response_url for each select that asks for one."""
    return interaction("view_submission", user) | {
        "trigger_id": core.workspace.trigger(user.id, view=view.id, channel=view.channel),
        "view": view_json(view, state),
        "response_urls": [*_response_urls(core, user, view, state)],
    }


def closing(user: User, view: View, state: Json, *, cleared: bool) -> Json:
    """view_closed; `cleared` when the whole stack went away."""
    return interaction("view_closed", user) | {"view": view_json(view, state), "is_cleared": cleared}


def suggestion(user: User, container: Json, block_id: str, action_id: str, typed: str) -> Json:
    """block_suggestion: a person typed into an external select. `container` names the message or view."""
    return (
        interaction("block_suggestion", user)
        | container
        | {
            "block_id": block_id,
            "action_id": action_id,
            "value": typed,
        }
    )


def global_shortcut(core: Core, user: User, shortcut: Shortcut) -> Json:
    """A global shortcut: it has no channel."""
    return interaction("shortcut", user) | {
        "callback_id": shortcut.callback_id,
        "trigger_id": core.workspace.trigger(user.id),
        "action_ts": action_ts(),
    }


def message_shortcut(core: Core, user: User, shortcut: Shortcut, message: Message) -> Json:
    """A message shortcut."""
    channel = core.workspace.channel(message.channel)
    return interaction("message_action", user) | {
        "callback_id": shortcut.callback_id,
        "trigger_id": core.workspace.trigger(user.id, channel=channel.id),
        "action_ts": action_ts(),
        "message_ts": message.ts,
        "message": message_json(core.workspace, message),
        "channel": _place(channel),
        "response_url": core.response_url(user.id, channel.id, message),
    }


def home_opened(core: Core, user: User) -> Json:
    """The app_home_opened event; it carries the Home tab that the person sees until now."""
    home = core.workspace.homes.get(user.id)
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": core.workspace.direct(user.id).id,
        "event_ts": action_ts(),
        "tab": "home",
    }
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "api_app_id": APP_ID,
        "event": event | ({"view": view_json(home)} if home else {}),
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(6).upper()}",
        "event_time": int(time.time()),
        "is_ext_shared_channel": False,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
    }


def _response_urls(core: Core, user: User, view: View, state: Json) -> Iterable[Json]:
    for block in view.blocks:
        element = block.get("element", {})
        if not element.get("response_url_enabled"):
            continue
        filled = state[block["block_id"]][element["action_id"]]
        channel = filled.get("selected_conversation") or filled.get("selected_channel")
        if channel:
            yield {
                "block_id": block["block_id"],
                "action_id": element["action_id"],
                "channel_id": channel,
                "response_url": core.response_url(user.id, channel),
            }
