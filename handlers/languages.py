"""Which language a person reads, asked of Slack; a channel's language stands in where that cannot be known."""

import asyncio
import time

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.answers import UNREACHABLE

KEPT = 86_400.0
"""Seconds that a person's language is remembered."""
MOST = 5_000
PATIENCE = 1.0
"""Seconds to wait for Slack: an answer in another language is better than a late one."""


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
        locale = str(answer["user"].get("locale") or otherwise)
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[user] = time.monotonic(), locale
        return locale
