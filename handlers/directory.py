"""Who people are, asked of Slack. A look-up that fails raises: the policy denies."""

import math
import time
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.answers import UNREACHABLE, code
from handlers.languages import Languages
from pipeline.errors import PipelineError
from pipeline.ports import Person

_DOUBTS = {
    "deleted": "deactivated",
    "is_restricted": "guest",
    "is_ultra_restricted": "guest",
    "is_stranger": "stranger",
    "is_bot": "bot",
}

_SHARED = ("is_ext_shared", "is_pending_ext_shared")
SHARED_FOR = 300.0
"""Seconds that an answer about a channel may be old (conversations.info is Tier 3: 50 a minute)."""


class SlackDirectory:
    """The Directory port on users.info and usergroups.users.list. People leave: who decides is asked of anew.

    `languages` and this learn from each other's answers: a decision needs one of them.
    """

    def __init__(self, client: AsyncWebClient, languages: Languages) -> None:
        self.client, self.languages = client, languages
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._shared: dict[str, tuple[float, bool]] = {}

    async def person(self, user_id: str) -> Person:
        """Look a person up; guests, bots, strangers and deactivated accounts are not trusted."""
        account = self.languages.take(user_id)
        if account is None:
            account = (await self._ask("users_info", user=user_id, include_locale=True))["user"]
            self.languages.learn(user_id, account)
        doubts = [why for field, why in _DOUBTS.items() if account.get(field)]
        email = account.get("profile", {}).get("email", "")  # only with the scope users:read.email
        return Person(user_id, account.get("name", user_id), not doubts, doubts[0] if doubts else "", email)

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        """The users of a group, asked anew unless an answer of at most `oldest` seconds is at hand."""
        at, users = self._known.get(group_id, (-math.inf, frozenset()))
        if time.monotonic() - at > oldest:
            users = frozenset((await self._ask("usergroups_users_list", usergroup=group_id))["users"])
            self._known[group_id] = time.monotonic(), users
        return users

    async def is_shared(self, channel_id: str) -> bool:
        """Whether a channel is shared with another organisation; asked anew after five minutes."""
        if not channel_id.startswith(("C", "G")):
            return False  # a conversation with the bot alone
        at, shared = self._shared.get(channel_id, (-math.inf, True))
        if time.monotonic() - at > SHARED_FOR:
            channel = (await self._ask("conversations_info", channel=channel_id))["channel"]
            shared = any(channel.get(name) for name in _SHARED)
            self._shared[channel_id] = time.monotonic(), shared
        return shared

    async def _ask(self, method: str, **arguments: str | bool) -> dict[str, Any]:
        try:
            answer = await getattr(self.client, method)(**arguments)
        except SlackApiError as error:
            raise PipelineError(f"{method.replace('_', '.')} said {code(error)}") from error
        except UNREACHABLE as error:
            raise PipelineError(f"Slack cannot be reached ({type(error).__name__})") from error
        found: dict[str, Any] = answer.data
        return found
