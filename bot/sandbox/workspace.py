"""The state of the local Slack: people, messages, views, triggers. Pure: no I/O, time comes from `clock`."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import SandboxError, SlackError
from bot.sandbox.people import (
    BOT_USER,
    Channel,
    Group,
    User,
    default_channels,
    default_groups,
    default_users,
)

Json = dict[str, Any]
TRIGGER_SECONDS = 3.0
HOOK_SECONDS = 1800.0
HOOK_USES = 5


@dataclass
class Message:
    """One message. `to` names the only person who sees it (ephemeral); times are Slack's `ts` strings."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    edited_ts: str | None = None
    files: list[Json] = field(default_factory=list)
    to: str | None = None
    notice: bool = False

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class View:
    """A modal or a Home tab as one person has it open. `content` is what the bot sent."""

    id: str
    user: str
    content: Json
    hash: str
    root: str
    previous: str | None = None
    channel: str | None = None

    @property
    def type(self) -> str:
        return str(self.content["type"])

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.content["blocks"]
        return blocks


@dataclass
class Trigger:
    """What lets the bot open a view: 3 seconds, once, for one person."""

    user: str
    made: float
    view: str | None = None
    channel: str | None = None
    used: bool = False


@dataclass
class Hook:
    """A response_url: 5 uses in 30 minutes, for the person and place of one interaction."""

    user: str
    channel: str
    made: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


@dataclass
class StoredFile:
    """An uploaded file; `shared` once files.completeUploadExternal has been called."""

    id: str
    name: str
    content: bytes | None = None
    title: str = ""
    alt_text: str = ""
    mimetype: str = "application/octet-stream"
    shared: bool = False


class Workspace:
    """Everything the sandbox remembers. Lookups raise SlackError with Slack's own code.

    `edit_window` is how long a message may be edited, in seconds (None: for ever).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        users = default_users()
        self.users: dict[str, User] = {user.id: user for user in users}
        self.groups: dict[str, Group] = {group.id: group for group in default_groups()}
        self.channels: dict[str, Channel] = {c.id: c for c in default_channels(users)}
        self.edit_window: float | None = None
        self._last = 0
        self.forget()

    def forget(self) -> None:
        """Start with no messages, views, files and permits; people and places stay, none archived."""
        self.messages: list[Message] = []
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.inputs: dict[tuple[str, str], Json] = {}
        self.triggers: dict[str, Trigger] = {}
        self.hooks: dict[str, Hook] = {}
        self.files: dict[str, StoredFile] = {}
        for channel in self.channels.values():
            channel.is_archived = False

    # ------------------------------------------------------------ people

    def add_user(self, user: User, channels: Iterable[str] = ("C0RELEASES",)) -> User:
        """Add a person and put them into channels."""
        self.users[user.id] = user
        for name in channels:
            self.channel(name).members.add(user.id)
        return user

    def add_group(self, group: Group) -> Group:
        """Add a user group."""
        self.groups[group.id] = group
        return group

    def add_channel(self, channel: Channel) -> Channel:
        """Add a channel; the bot is in it only when its `members` say so."""
        self.channels[channel.id] = channel
        return channel

    def user(self, user_id: str) -> User:
        """A person by id. Raises SlackError user_not_found."""
        if user_id not in self.users:
            raise SlackError("user_not_found")
        return self.users[user_id]

    def channel(self, name: str) -> Channel:
        """A conversation by id, #name or name; a user's id gives the direct message with the bot."""
        if name in self.channels:
            return self.channels[name]
        if name in self.users and name != BOT_USER:
            return self.direct(name)
        for channel in self.channels.values():
            if not channel.is_im and channel.name == name.removeprefix("#"):
                return channel
        raise SlackError("channel_not_found")

    def direct(self, user_id: str) -> Channel:
        """The direct message between a person and the bot; made when there is none."""
        person = self.user(user_id)
        channel_id = "D0" + person.id[1:]
        if channel_id not in self.channels:
            members = {person.id, BOT_USER}
            self.channels[channel_id] = Channel(channel_id, person.name, members, person=person.id)
        return self.channels[channel_id]

    # ---------------------------------------------------------- messages

    def timestamp(self) -> str:
        """A new `ts`: seconds and microseconds, unique and rising even when the clock stands still."""
        self._last = max(int(self.clock() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def post(self, message: Message) -> Message:
        """Keep a message."""
        self.messages.append(message)
        return message

    def message(self, channel: str, ts: str) -> Message:
        """A message that everybody in the channel sees. Raises SlackError message_not_found."""
        for message in self.messages:
            if message.ts == ts and message.channel == channel and message.to is None:
                return message
        raise SlackError("message_not_found")

    def visible(self, user: str, channel: str) -> Iterator[Message]:
        """What one person sees in a channel, oldest first: everybody's messages and their own ephemerals."""
        return (m for m in self.messages if m.channel == channel and m.to in (None, user))

    def remove(self, message: Message) -> None:
        """Take a message away; its thread stays, as in Slack."""
        self.messages.remove(message)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A thread's parent and replies, oldest first, without ephemerals."""
        mine = (m for m in self.messages if m.channel == channel and m.to is None)
        return [m for m in mine if ts in (m.ts, m.thread_ts)]

    # ------------------------------------------------------------- views

    def view(self, view_id: str) -> View:
        """An open modal or a Home tab by its id. Raises SlackError not_found, as views.update does."""
        for view in self.views():
            if view.id == view_id:
                return view
        raise SlackError("not_found")

    def views(self) -> Iterator[View]:
        """Every view that somebody has open, Home tabs included."""
        for stack in self.stacks.values():
            yield from stack
        yield from self.homes.values()

    # --------------------------------------------------- one-time permits

    def trigger(self, user: str, *, view: str | None = None, channel: str | None = None) -> str:
        """A new trigger_id for something that `user` just did."""
        self.triggers = {k: t for k, t in self.triggers.items() if self.clock() - t.made < HOOK_SECONDS}
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, self.clock(), view, channel)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger up. Raises SlackError: unknown, older than 3 s, or used before."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.made > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def hook(self, user: str, channel: str, message: Message | None = None) -> str:
        """The secret part of a new response_url."""
        secret = secrets.token_urlsafe(24)
        ts, thread = (message.ts, message.thread_ts) if message else (None, None)
        self.hooks[secret] = Hook(user, channel, self.clock(), ts, thread)
        return secret

    def use_hook(self, secret: str) -> Hook:
        """Count one use. Raises SlackError: unknown, after 30 minutes, or used 5 times."""
        hook = self.hooks.get(secret)
        if hook is None:
            raise SlackError("invalid_url")
        if self.clock() - hook.made > HOOK_SECONDS:
            raise SlackError("expired_url")
        if hook.uses >= HOOK_USES:
            raise SlackError("used_url")
        hook.uses += 1
        return hook


def require_member(workspace: Workspace, user: str, channel: str) -> Channel:
    """The channel, if the person is in it. Raises SandboxError: people act only where they are."""
    place, person = workspace.channel(channel), workspace.user(user)
    if user not in place.members:
        raise SandboxError(
            f"{person.real_name} is not in #{place.name}, so they cannot act there. "
            f"Add them: workspace.channel({place.id!r}).members.add({user!r})."
        )
    return place
