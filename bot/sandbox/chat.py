"""The chat.* methods: each gives its answer without `ok`, or raises SlackError."""

from typing import Any

from bot.sandbox import limits
from bot.sandbox.args import Args
from bot.sandbox.blocks import named
from bot.sandbox.errors import SlackError
from bot.sandbox.people import BOT_USER, Channel
from bot.sandbox.render import message_json
from bot.sandbox.validate import check_blocks
from bot.sandbox.workspace import Message, Workspace

Json = dict[str, Any]


def post_message(workspace: Workspace, args: Args) -> Json:
    """chat.postMessage: channel, text and/or blocks, thread_ts, reply_broadcast, metadata."""
    channel = writable(workspace, args.text("channel"))
    text, blocks = content(args, limits.POST_TEXT)
    thread_ts = args.optional("thread_ts")
    if thread_ts is not None:
        thread_ts = thread_root(workspace, channel.id, thread_ts)
    message = Message(
        workspace.timestamp(),
        channel.id,
        BOT_USER,
        text,
        blocks,
        thread_ts=thread_ts,
        broadcast=args.flag("reply_broadcast") and thread_ts is not None,
        metadata=metadata(args),
    )
    workspace.post(message)
    return {"channel": channel.id, "ts": message.ts, "message": message_json(workspace, message)}


def update(workspace: Workspace, args: Args) -> Json:
    """chat.update: text without blocks removes the blocks; metadata stays unless it is given."""
    channel = writable(workspace, args.text("channel"))
    message = own_message(workspace, channel.id, args.text("ts"), "cant_update_message")
    window = workspace.edit_window
    if window is not None and workspace.clock() - float(message.ts) > window:
        raise SlackError("edit_window_closed")
    message.text, message.blocks = content(args, limits.UPDATE_TEXT)
    if "metadata" in args:
        message.metadata = metadata(args)
    message.broadcast = message.broadcast or (args.flag("reply_broadcast") and message.is_reply)
    message.edited_ts = workspace.timestamp()
    shown = message_json(workspace, message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(workspace: Workspace, args: Args) -> Json:
    """chat.delete: only the bot's own messages."""
    channel = workspace.channel(args.text("channel"))
    message = own_message(workspace, channel.id, args.text("ts"), "cant_delete_message")
    workspace.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(workspace: Workspace, args: Args) -> Json:
    """chat.postEphemeral: only `user` sees it, and only where they and the bot are."""
    channel = writable(workspace, args.text("channel"))
    person = workspace.user(args.text("user"))
    if person.id not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = content(args, limits.POST_TEXT)
    thread_ts = args.optional("thread_ts")
    ts = workspace.timestamp()
    workspace.post(Message(ts, channel.id, BOT_USER, text, blocks, thread_ts=thread_ts, to=person.id))
    return {"message_ts": ts}


def content(args: Args, longest: int) -> tuple[str, list[Json]]:
    """Text and blocks of a message. Raises SlackError no_text, msg_too_long, invalid_blocks."""
    text, blocks = args.get("text") or "", args.json("blocks", "invalid_blocks_format")
    if not isinstance(text, str):
        raise SlackError("invalid_arguments", ["[ERROR] must be a string [json-pointer:/text]"])
    if blocks:
        check_blocks(blocks, limits.MESSAGE)
    elif not text.strip():
        raise SlackError("no_text")
    if len(text) > longest:
        raise SlackError("msg_too_long")
    return text, named(blocks or [])


def metadata(args: Args) -> Json | None:
    """Message metadata. Raises SlackError invalid_metadata_format."""
    found = args.json("metadata", "invalid_metadata_format")
    if not found:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(found.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    return found


def writable(workspace: Workspace, name: str) -> Channel:
    """A channel the bot may write to. Raises SlackError channel_not_found, is_archived, not_in_channel.

    A private channel that the bot is not in does not exist for it.
    """
    channel = workspace.channel(name)
    inside = BOT_USER in channel.members
    if channel.is_private and not inside:
        raise SlackError("channel_not_found")
    if channel.is_archived:
        raise SlackError("is_archived")
    if not inside:
        raise SlackError("not_in_channel")
    return channel


def own_message(workspace: Workspace, channel: str, ts: str, otherwise: str) -> Message:
    """One of the bot's own messages. Raises SlackError message_not_found or `otherwise`."""
    message = workspace.message(channel, ts)
    if message.user != BOT_USER:
        raise SlackError(otherwise)
    return message


def thread_root(workspace: Workspace, channel: str, ts: str) -> str:
    """The parent's ts for a thread_ts that may be a reply's. Raises SlackError thread_not_found."""
    try:
        message = workspace.message(channel, ts)
    except SlackError as error:
        raise SlackError("thread_not_found") from error
    return message.thread_ts or message.ts
