"""Asking a flag server's administration over HTTP: JSON in and out, and each trouble said with what to do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from pipeline.environment import FLAGS_ADMIN, FLAGS_CLIENT, secret_name
from pipeline.errors import FlagError
from pipeline.plain import plain

ADMIN, CLIENT = FLAGS_ADMIN, FLAGS_CLIENT

SECONDS = 10.0
"""The most that one request may take."""

MEANINGS: Mapping[int, str] = {
    401: "it does not know the token. Next: look at the token's variable",
    403: "the token may not do this. Next: give it the right to, or change the flag in the server itself",
    404: "it has no such thing. Next: look at project, environment and flag there and in bot.toml",
    405: "it does not take this. Next: change the flag in the server itself",
    409: "somebody else is changing it. Next: try again",
    429: "it is asked too often. Next: try again in a minute",
}


@dataclass(frozen=True)
class Secrets:
    """The tokens of one environment. `find` looks a secret up by product, environment and name."""

    product: str
    environment: str
    find: Callable[[str, str, str], str | None]

    @property
    def title(self) -> str:
        """Whose flags they are for, as people say it."""
        return f"{self.product} {self.environment}"

    def __call__(self, name: str) -> str:
        """Raises FlagError naming the variable."""
        found = self.find(self.product, self.environment, name)
        if not found:
            variable = secret_name(self.product, self.environment, name)
            raise FlagError(
                f"The flags of {self.title} need a token. Next: set {variable} where the bot runs."
            )
        return found


@dataclass(frozen=True)
class Admin:
    """The administration of one server. `title` says whose flags it is asked for; `token` is its header's value."""

    title: str
    url: str
    token: Callable[[], str]

    async def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str
    ) -> Any:
        """The answer's JSON (None for an empty one). Raises FlagError."""
        headers = {"Authorization": self.token(), "Content-Type": kind, "Accept": "application/json"}
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=SECONDS), trust_env=True) as session,
                session.request(
                    method,
                    self.url.rstrip("/") + path,
                    json=body,
                    params=query,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                text = await answer.text()
                if answer.status >= 300:
                    raise self._refused(answer.status, text)
                return json.loads(text) if text else None
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            raise FlagError(
                f"{self.url}, which has the flags of {self.title}, does not answer ({type(error).__name__}:"
                f" {plain(str(error))}). What was asked for may have been done. Next: see that it runs and that the"
                " bot may reach it; by hand, switch the flag there."
            ) from error

    def _refused(self, status: int, text: str) -> FlagError:
        meaning = MEANINGS.get(status, "Next: look at the server's own log")
        return FlagError(
            f"{self.url} answered {status} for the flags of {self.title}: {meaning}. It said: {plain(text, 300)}"
        )
