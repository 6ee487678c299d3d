"""Who people are."""

from dataclasses import dataclass
from typing import Protocol


class Directory(Protocol):
    """Who people are and which groups they are in. A failing look-up raises PipelineError: deny."""

    async def person(self, user_id: str) -> "Person":
        """Look a person up."""

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        """The user ids of a group; the answer may be up to `oldest` seconds old."""

    async def is_shared(self, channel_id: str) -> bool:
        """Whether people of another organisation are in the channel."""


@dataclass(frozen=True)
class Person:
    """A person as the chat platform knows them. `trusted` is False for guests, bots, strangers, the gone.

    `email` is empty where the platform does not tell it.
    """

    user_id: str
    name: str
    trusted: bool
    why_not: str = ""
    email: str = ""
