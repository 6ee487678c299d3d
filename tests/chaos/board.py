"""What people can see in the sandbox: messages by what they are about, answers, open forms, buttons."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Message, View


@dataclass
class Board:
    """The sandbox's messages by channel and by person; each is looked at once, however many there are."""

    sandbox: Sandbox
    _read: int = 0
    _public: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    _private: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))

    def _catch_up(self) -> None:
        messages = self.sandbox.workspace.messages
        for message in messages[self._read :]:
            if message.to is None:
                self._public[message.channel].append(message)
            else:
                self._private[message.to].append(message)
        self._read = len(messages)

    def messages(self, channel: str) -> list[Message]:
        """What the bot has posted for all to see, oldest first."""
        self._catch_up()
        return self._public[channel]

    def told(self, user: str) -> list[str]:
        """What only this person was told."""
        self._catch_up()
        return [message.text for message in self._private[user] if not message.notice]

    def forms(self, user: str) -> list[View]:
        return self.sandbox.views(user)

    def close_forms(self, user: str) -> None:
        """Close what is open, as a person does before trying again."""
        self.sandbox.workspace.stacks.get(user, []).clear()


def about(message: Message) -> tuple[str, str]:
    """Which release and topic a message is about; empty strings for one that says nothing of it. A file has its
    own name, which no other file has."""
    if message.files:
        return "", f"the file {message.files[0]['name']}"
    payload = (message.metadata or {}).get("event_payload", {})
    return str(payload.get("release_id", "")), str(payload.get("topic", ""))


def values(message: Message, action: str) -> list[str]:
    """The values of the buttons with this action id."""
    return [
        str(found.get("value", "")) for found in _elements(message.blocks) if found.get("action_id") == action
    ]


def _elements(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, list):
        return [found for inner in part for found in _elements(inner)]
    if not isinstance(part, dict):
        return []
    return [part, *(found for inner in part.values() for found in _elements(inner))]
