"""What a response_url does with what the bot sends to it, and a command's answer inside its ack."""

from typing import Any

from bot.sandbox import limits
from bot.sandbox.args import Args
from bot.sandbox.chat import content, metadata
from bot.sandbox.errors import SlackError
from bot.sandbox.people import BOT_USER
from bot.sandbox.workspace import Hook, Message, Workspace

Json = dict[str, Any]


def respond(workspace: Workspace, secret: str, args: Args) -> None:
    """Use a response_url: post, replace or delete. Raises SlackError.

    It works in channels where the bot may not post, as in Slack.
    """
    hook = workspace.use_hook(secret)
    original = _original(workspace, hook)
    if args.flag("delete_original"):
        if original is None:
            raise SlackError("message_not_found")
        workspace.remove(original)
    elif args.flag("replace_original") and original is not None:
        original.text, original.blocks = content(args, limits.POST_TEXT)
        original.edited_ts = workspace.timestamp()
    else:
        post(workspace, hook.user, hook.channel, args, hook.thread_ts)


def post(workspace: Workspace, user: str, channel: str, args: Args, thread_ts: str | None = None) -> Message:
    """Post an answer: to its person only, unless response_type is in_channel."""
    text, blocks = content(args, limits.POST_TEXT)
    to = None if args.get("response_type") == "in_channel" else user
    thread = args.optional("thread_ts") or thread_ts
    message = Message(workspace.timestamp(), channel, BOT_USER, text, blocks, thread_ts=thread, to=to)
    message.metadata = metadata(args)
    return workspace.post(message)


def _original(workspace: Workspace, hook: Hook) -> Message | None:
    for message in workspace.visible(hook.user, hook.channel):
        if message.ts == hook.message_ts:
            return message
    return None
