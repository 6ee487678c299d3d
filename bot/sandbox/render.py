"""The workspace's things in the shape in which Slack's API and payloads show them."""

from typing import Any

from bot.sandbox.people import APP_ID, BOT_ID, BOT_USER, TEAM, Channel, Group, User
from bot.sandbox.workspace import Message, View, Workspace

Json = dict[str, Any]
DOMAIN = "sandbox"


def user_json(user: User, *, locale: bool = False) -> Json:
    """A user as users.info gives it; the locale only when asked for (`include_locale`)."""
    profile = {"real_name": user.real_name, "display_name": user.name, "title": user.role}
    shown: Json = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "tz": user.tz,
        "profile": profile | {"team": user.team_id},
        "is_bot": user.is_bot,
        "is_app_user": user.is_bot,
        "is_stranger": user.is_stranger,
    }
    if not user.is_stranger:
        shown |= {"is_restricted": user.is_restricted, "is_ultra_restricted": user.is_ultra_restricted}
    return shown | ({"locale": user.locale} if locale else {})


def channel_json(channel: Channel) -> Json:
    """A conversation as conversations.info gives it."""
    common: Json = {"id": channel.id, "is_im": channel.is_im, "is_archived": channel.is_archived}
    if channel.is_im:
        return common | {"user": channel.person, "is_channel": False}
    return common | {
        "name": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_private": channel.is_private,
        "is_member": BOT_USER in channel.members,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic},
        "context_team_id": TEAM,
    }


def group_json(group: Group, *, users: bool = False) -> Json:
    """A user group as usergroups.list gives it."""
    shown: Json = {
        "id": group.id,
        "team_id": TEAM,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "date_delete": 0,
        "user_count": len(group.members),
    }
    return shown | ({"users": list(group.members)} if users else {})


def message_json(workspace: Workspace, message: Message, *, metadata: bool = True) -> Json:
    """A message with its thread's counts; `metadata` as include_all_metadata asks."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "team": TEAM,
        "ts": message.ts,
        "text": message.text,
    }
    if message.user == BOT_USER:
        shown |= {"bot_id": BOT_ID, "app_id": APP_ID}
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.files:
        shown["files"] = message.files
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown | _thread_json(workspace, message)


def _thread_json(workspace: Workspace, message: Message) -> Json:
    if message.is_reply:
        subtype = {"subtype": "thread_broadcast"} if message.broadcast else {}
        return {"thread_ts": message.thread_ts} | subtype
    replies = workspace.thread(message.channel, message.ts)[1:]
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": people,
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
    }


def view_json(view: View, state: Json | None = None) -> Json:
    """A view as the API and payloads show it; `state` is what the person has filled in."""
    common: Json = {
        "id": view.id,
        "team_id": TEAM,
        "app_id": APP_ID,
        "app_installed_team_id": TEAM,
        "bot_id": BOT_ID,
        "hash": view.hash,
        "root_view_id": view.root,
        "previous_view_id": view.previous,
        "state": {"values": state or {}},
        "callback_id": "",
        "external_id": "",
        "private_metadata": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "title": {"type": "plain_text", "text": "View Title", "emoji": True},
        "close": None,
        "submit": None,
    }
    return common | view.content
