"""The users.*, usergroups.* and conversations.* methods: each gives its answer without `ok`."""

from typing import Any

from bot.sandbox.args import Args
from bot.sandbox.errors import SlackError
from bot.sandbox.people import BOT_USER, Channel
from bot.sandbox.render import channel_json, group_json, message_json, user_json
from bot.sandbox.workspace import Message, Workspace

Json = dict[str, Any]
LAST_PAGE: Json = {"response_metadata": {"next_cursor": ""}}


def users_info(workspace: Workspace, args: Args) -> Json:
    """users.info, with the locale when include_locale is set."""
    return {"user": user_json(workspace.user(args.text("user")), locale=args.flag("include_locale"))}


def users_list(workspace: Workspace, args: Args) -> Json:
    """users.list: everybody on one page."""
    locale = args.flag("include_locale")
    return {"members": [user_json(user, locale=locale) for user in workspace.users.values()]} | LAST_PAGE


def usergroups_list(workspace: Workspace, args: Args) -> Json:
    """usergroups.list, with the members when include_users is set."""
    users = args.flag("include_users")
    return {"usergroups": [group_json(group, users=users) for group in workspace.groups.values()]}


def usergroups_users_list(workspace: Workspace, args: Args) -> Json:
    """usergroups.users.list. Raises SlackError no_such_subteam."""
    group = workspace.groups.get(args.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.members)}


def conversations_info(workspace: Workspace, args: Args) -> Json:
    """conversations.info."""
    return {"channel": channel_json(readable(workspace, args.text("channel")))}


def conversations_list(workspace: Workspace, args: Args) -> Json:
    """conversations.list: by `types` (public channels unless said otherwise), archived ones on demand."""
    kinds = set((args.optional("types") or "public_channel").split(","))
    found = [c for c in workspace.channels.values() if _kind(c) in kinds and _known(c)]
    if args.flag("exclude_archived"):
        found = [channel for channel in found if not channel.is_archived]
    return {"channels": [channel_json(channel) for channel in found]} | LAST_PAGE


def conversations_open(workspace: Workspace, args: Args) -> Json:
    """conversations.open: the direct message with one person (`users`) or a known one (`channel`)."""
    name = args.optional("channel") or args.text("users")
    if "," in name:
        raise SlackError("method_not_supported_for_channel_type")
    channel = workspace.channel(name)
    return {"channel": channel_json(channel) if args.flag("return_im") else {"id": channel.id}}


def conversations_history(workspace: Workspace, args: Args) -> Json:
    """conversations.history: newest first, threads as their parents and broadcasts."""
    channel = readable(workspace, args.text("channel"))
    found = [m for m in workspace.messages if m.channel == channel.id and m.to is None]
    shown = [m for m in found if (not m.is_reply or m.broadcast) and _within(m, args)]
    return _page(workspace, shown[::-1], args)


def conversations_replies(workspace: Workspace, args: Args) -> Json:
    """conversations.replies: the parent and its replies, oldest first. Raises SlackError thread_not_found."""
    channel = readable(workspace, args.text("channel"))
    found = workspace.thread(channel.id, args.text("ts"))
    if not found:
        raise SlackError("thread_not_found")
    return _page(workspace, [m for m in found if _within(m, args)], args)


def _page(workspace: Workspace, messages: list[Message], args: Args) -> Json:
    limit = args.number("limit", 100, 1, 999)
    metadata = args.flag("include_all_metadata")
    page = [message_json(workspace, message, metadata=metadata) for message in messages[:limit]]
    return {"messages": page, "has_more": len(messages) > limit}


def readable(workspace: Workspace, name: str) -> Channel:
    """A channel that the bot can see. Raises SlackError channel_not_found."""
    channel = workspace.channel(name)
    if not _known(channel):
        raise SlackError("channel_not_found")
    return channel


def _known(channel: Channel) -> bool:
    return not channel.is_private or BOT_USER in channel.members


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _within(message: Message, args: Args) -> bool:
    oldest, latest = args.optional("oldest") or "0", args.optional("latest") or "9999999999"
    try:
        at, first, last = float(message.ts), float(oldest), float(latest)
    except ValueError as error:
        raise SlackError("invalid_ts_oldest") from error
    return first <= at <= last if args.flag("inclusive") else first < at < last
