"""What the page shows to one person, as one JSON object; the page draws from nothing else."""

from typing import Any

from bot.sandbox.acts import Acts
from bot.sandbox.people import BOT_USER, Channel
from bot.sandbox.render import channel_json, message_json, user_json, view_json
from bot.sandbox.values import state_of
from bot.sandbox.workspace import Message

Json = dict[str, Any]
SHOWN_MESSAGES = 300


def snapshot(acts: Acts, user: str, *, online: bool) -> Json:
    """The workspace as `user` sees it: at most the last 300 messages of each conversation, threads included."""
    workspace = acts.workspace
    person = workspace.user(user)
    acts.workspace.direct(user)
    home = workspace.homes.get(user)
    return {
        "me": user_json(person, locale=True),
        "bot": {"id": BOT_USER, "online": online},
        "users": [user_json(one, locale=True) for one in workspace.users.values()],
        "groups": [{"id": g.id, "handle": g.handle, "name": g.name} for g in workspace.groups.values()],
        "channels": [_channel(acts, user, c) for c in workspace.channels.values() if user in c.members],
        "views": [view_json(view, acts.state(view)) for view in workspace.stacks.get(user, [])],
        "home": view_json(home, acts.state(home)) if home else None,
        "commands": [vars(command) for command in acts.core.commands],
        "shortcuts": [vars(shortcut) for shortcut in acts.core.shortcuts],
    }


def _channel(acts: Acts, user: str, channel: Channel) -> Json:
    messages = [*acts.workspace.visible(user, channel.id)][-SHOWN_MESSAGES:]
    shown = channel_json(channel) | {"messages": [_message(acts, user, message) for message in messages]}
    return shown | {"name": acts.workspace.user(BOT_USER).real_name if channel.is_im else channel.name}


def _message(acts: Acts, user: str, message: Message) -> Json:
    return message_json(acts.workspace, message) | {
        "ephemeral": message.to is not None,
        "notice": message.notice,
        "broadcast": message.broadcast,
        "state": state_of(message.blocks, acts.filled(user, message.ts)),
    }


def traffic(acts: Acts, after: int) -> Json:
    """API calls and deliveries with a number over `after`, oldest first, at most 200 of each."""
    journal = acts.core.journal
    calls = [vars(call) for call in journal.calls if call.number > after][-200:]
    sent = [vars(entry) for entry in journal.deliveries if entry.number > after][-200:]
    return {"calls": calls, "deliveries": sent}
