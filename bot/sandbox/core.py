"""What all parts of the sandbox share: the state, the journal, the faults, the app's names and secrets."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.faults import Faults
from bot.sandbox.journal import Journal
from bot.sandbox.people import Command, Shortcut
from bot.sandbox.rates import RateLimiter
from bot.sandbox.workspace import Message, Workspace

Json = dict[str, Any]


def _token(prefix: str) -> str:
    return f"{prefix}-sandbox-{secrets.token_hex(12)}"


@dataclass
class Core:
    """The app as installed in the local workspace. `base_url` is known once the server listens."""

    workspace: Workspace
    commands: Sequence[Command] = ()
    shortcuts: Sequence[Shortcut] = ()
    base_url: str = ""
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    bot_token: str = field(default_factory=lambda: _token("xoxb"))
    app_token: str = field(default_factory=lambda: _token("xapp"))
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        self.limiter = RateLimiter(self.workspace.clock)

    @property
    def websocket_url(self) -> str:
        """Where Socket Mode connects."""
        return self.base_url.replace("http://", "ws://", 1) + "/socket"

    def response_url(self, user: str, channel: str, message: Message | None = None) -> str:
        """A new response_url for an interaction of `user` in `channel`."""
        return f"{self.base_url}/response/{self.workspace.hook(user, channel, message)}"

    def permalink(self, message: Message) -> str:
        """The address of a message; it opens the page at that message."""
        url = f"{self.base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}"
        return f"{url}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else url
