"""Which language a person reads, asked of Slack; a channel's language stands in where that cannot be known."""

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.answers import UNREACHABLE

KEPT = 86_400.0
"""Seconds that a person's language is remembered."""
MOST = 5_000
PATIENCE = 1.0
"""Seconds to wait for Slack: an answer in another language is better than a late one."""

Asked = tuple[str, Mapping[str, Any] | None]
NOBODY: Asked = ("", None)
_ASKED: ContextVar[Asked] = ContextVar("asked", default=NOBODY)
"""Whose account the request at hand has asked for: each request is handled in a task of its own."""


class Languages:
    """The locale of people (BCP 47), by users.info. One that is not to be had is no failure: it is no authority."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, str]] = {}

    def known(self, user: str, otherwise: str) -> str:
        """A person's locale as far as it is at hand."""
        at, locale = self._known.get(user, (0.0, ""))
        return locale if locale and time.monotonic() - at < KEPT else otherwise

    async def of(self, user: str, otherwise: str) -> str:
        """A person's locale; `otherwise` when Slack does not tell it soon."""
        if found := self.known(user, ""):
            return found
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._client.users_info(user=user, include_locale=True)
        except (SlackApiError, *UNREACHABLE):
            return otherwise
        _ASKED.set((user, answer["user"]))
        return self.learn(user, answer["user"]) or otherwise

    def take(self, user: str) -> Mapping[str, Any] | None:
        """The account of somebody whose language was asked for in the same request, once: what is decided about them
        later asks anew."""
        whose, account = _ASKED.get()
        _ASKED.set(NOBODY)
        return account if whose == user else None

    def learn(self, user: str, account: Mapping[str, Any]) -> str:
        """Remember and give the locale of an account (a user object of Slack); empty when it does not tell one."""
        locale = str(account.get("locale") or "")
        if locale and user not in self._known and len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        if locale:
            self._known[user] = time.monotonic(), locale
        return locale
