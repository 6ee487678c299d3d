"""Who people are, asked of Slack. A look-up that fails raises: the policy denies."""

import math
import time

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.answers import UNREACHABLE, code
from pipeline.errors import PipelineError
from pipeline.ports import Person

_DOUBTS = {
    "deleted": "deactivated",
    "is_restricted": "guest",
    "is_ultra_restricted": "guest",
    "is_stranger": "stranger",
    "is_bot": "bot",
}


class SlackDirectory:
    """The Directory port on users.info and usergroups.users.list. People leave: who decides is asked of anew."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    async def person(self, user_id: str) -> Person:
        """Look a person up; guests, bots, strangers and deactivated accounts are not trusted."""
        user = await self._ask("users_info", user=user_id)
        account = user["user"]
        doubts = [why for field, why in _DOUBTS.items() if account.get(field)]
        return Person(user_id, account.get("name", user_id), not doubts, doubts[0] if doubts else "")

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        """The users of a group, asked anew unless an answer of at most `oldest` seconds is at hand."""
        at, users = self._known.get(group_id, (-math.inf, frozenset()))
        if time.monotonic() - at > oldest:
            users = frozenset((await self._ask("usergroups_users_list", usergroup=group_id))["users"])
            self._known[group_id] = time.monotonic(), users
        return users

    async def _ask(self, method: str, **arguments: str) -> dict[str, dict[str, str]]:
        try:
            answer = await getattr(self.client, method)(**arguments)
        except SlackApiError as error:
            raise PipelineError(f"{method.replace('_', '.')} said {code(error)}") from error
        except UNREACHABLE as error:
            raise PipelineError(f"Slack cannot be reached ({type(error).__name__})") from error
        found: dict[str, dict[str, str]] = answer.data
        return found
