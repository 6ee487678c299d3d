"""A caller of a running Core Hub that checks on every answer which version gave it."""

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SECONDS = 10.0
VERSION_HEADER = "X-Core-Hub-Version"


class SmokeError(Exception):
    """The product cannot be asked, or another version answered; the message says what, why and what next."""


@dataclass(frozen=True)
class Answer:
    """One answer: its HTTP status and its body as text."""

    status: int
    text: str

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is none."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """Asks `base_url`; every answer must come from the version `expected`."""

    base_url: str
    expected: str

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> Answer:
        """Send one request. Raises SmokeError when the answer's version is not the expected one."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.base_url + path, data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=SECONDS) as response:
                answer, version = Answer(response.status, response.read().decode()), response.headers
        except HTTPError as error:
            with error:
                answer, version = Answer(error.code, error.read().decode(errors="replace")), error.headers
        self._check(method, path, version.get(VERSION_HEADER), answer)
        return answer

    def log_in(self) -> str:
        """A tester's token: it can send only as a dry run, so smoke is harmless in production."""
        answer = self.call("POST", "/api/login", {"user": "smoke"})
        if answer.status != 200:
            raise SmokeError(
                f"The login failed with {answer.status}: {answer.text[:200]}. Look at the api's log."
            )
        return str(answer.json()["token"])

    def _check(self, method: str, path: str, version: str | None, answer: Answer) -> None:
        if version != self.expected:
            raise SmokeError(
                f"{method} {path} was answered by version {version}, not {self.expected} "
                f"({answer.status}: {answer.text[:200]}). Look where the router sends this address."
            )


def from_environment() -> Client:
    """The client of SMOKE_BASE_URL and EXPECT_VERSION. Raises SmokeError when one is not set."""
    base, expected = os.environ.get("SMOKE_BASE_URL", ""), os.environ.get("EXPECT_VERSION", "")
    if not base.startswith(("http://", "https://")) or not expected:
        raise SmokeError(
            "Nothing was tested: SMOKE_BASE_URL (http://...) or EXPECT_VERSION is not set. Set both."
        )
    return Client(base.rstrip("/"), expected)
