"""The Web API's table of methods, and the order in which a call is judged: faults, token, limits, effect."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox import chat, files, places, views
from bot.sandbox.args import Args
from bot.sandbox.core import Core
from bot.sandbox.errors import SlackError
from bot.sandbox.people import APP_ID, BOT_ID, BOT_USER, TEAM

Json = dict[str, Any]
Method = Callable[[Core, Args], Json]


def _auth_test(core: Core, args: Args) -> Json:
    """Who the bot is."""
    return {
        "url": core.base_url + "/",
        "team": "Sandbox",
        "user": core.workspace.user(BOT_USER).name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


def _get_permalink(core: Core, args: Args) -> Json:
    """chat.getPermalink."""
    channel = places.readable(core.workspace, args.text("channel"))
    message = core.workspace.message(channel.id, args.text("message_ts"))
    return {"channel": channel.id, "permalink": core.permalink(message)}


def _connections_open(core: Core, args: Args) -> Json:
    """apps.connections.open."""
    return {"url": core.websocket_url}


def _of_workspace(method: Callable[..., Json]) -> Method:
    return lambda core, args: method(core.workspace, args)


METHODS: Mapping[str, Method] = {
    "auth.test": _auth_test,
    "apps.connections.open": _connections_open,
    "chat.getPermalink": _get_permalink,
    "files.getUploadURLExternal": lambda core, args: files.get_upload_url(
        core.workspace, args, core.base_url
    ),
    "files.completeUploadExternal": lambda core, args: files.complete_upload(
        core.workspace, args, core.base_url
    ),
} | {
    name: _of_workspace(method)
    for name, method in {
        "chat.postMessage": chat.post_message,
        "chat.update": chat.update,
        "chat.delete": chat.delete,
        "chat.postEphemeral": chat.post_ephemeral,
        "views.open": views.open_view,
        "views.push": views.push,
        "views.update": views.update,
        "views.publish": views.publish,
        "users.info": places.users_info,
        "users.list": places.users_list,
        "usergroups.list": places.usergroups_list,
        "usergroups.users.list": places.usergroups_users_list,
        "conversations.info": places.conversations_info,
        "conversations.list": places.conversations_list,
        "conversations.open": places.conversations_open,
        "conversations.history": places.conversations_history,
        "conversations.replies": places.conversations_replies,
    }.items()
}


class RateLimitedError(Exception):
    """Too many calls; `seconds` is for Retry-After."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def perform(core: Core, method: str, args: Args, token: str | None) -> Json:
    """Carry a call out. Raises SlackError, and RateLimitedError when limits are enforced."""
    authorize(core, method, token)
    if method not in METHODS:
        raise SlackError("unknown_method", [f"The sandbox has no method {method!r}."])
    if core.faults.enforce_rate_limits:
        seconds = core.limiter.wait(method, str(args.get("channel", "")))
        if seconds:
            raise RateLimitedError(seconds)
    return METHODS[method](core, args)


def authorize(core: Core, method: str, token: str | None) -> None:
    """Raise SlackError unless the token is there, right, of the kind the method wants, and not revoked."""
    if not token:
        raise SlackError("not_authed")
    is_app, is_bot = (
        hmac.compare_digest(token.encode(), t.encode()) for t in (core.app_token, core.bot_token)
    )
    if not is_app and not is_bot:
        raise SlackError("invalid_auth")
    if core.faults.token_error:
        raise SlackError(core.faults.token_error)
    if is_app != (method == "apps.connections.open"):
        raise SlackError("not_allowed_token_type")
