"""Delivery by signed HTTP POST to a request URL, as for an app that does not use Socket Mode."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.core import Core
from bot.sandbox.delivery import Kind, NotDeliveredError, Retry

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"


class HttpTransport:
    """Posts every payload to one request URL; open the session inside a running loop."""

    def __init__(self, core: Core, request_url: str) -> None:
        self._url = request_url
        self._signer = SignatureVerifier(core.signing_secret)
        self._session: aiohttp.ClientSession | None = None
        self._failed = False

    @property
    def ready(self) -> bool:
        """Whether the last delivery found somebody."""
        return not self._failed

    async def send(self, kind: Kind, payload: Json, retry: Retry | None) -> Any:
        """Post and return the answer's body. Raises NotDeliveredError unless the status is 200."""
        self._session = self._session or aiohttp.ClientSession()
        body, content_type = encode(kind, payload)
        headers = self.sign(body) | {"Content-Type": content_type}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry.attempt), "X-Slack-Retry-Reason": retry.reason}
        try:
            async with self._session.post(self._url, data=body.encode(), headers=headers) as response:
                self._failed = False
                return await _answer(response)
        except aiohttp.ClientError as error:
            self._failed = True
            raise NotDeliveredError("dispatch_failed") from error

    def sign(self, body: str, at: float | None = None) -> dict[str, str]:
        """The headers that prove the sender; `at` (seconds since the epoch) is now unless given."""
        timestamp = str(int(time.time() if at is None else at))
        signature = self._signer.generate_signature(timestamp=timestamp, body=body) or ""
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()


def encode(kind: Kind, payload: Json) -> tuple[str, str]:
    """A payload's body and content type: commands as a form, interactions as JSON in one, events as JSON."""
    if kind == "events_api":
        return json.dumps(payload), "application/json"
    return urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)}), FORM


async def _answer(response: aiohttp.ClientResponse) -> Any:
    text = await response.text()
    if response.status != 200:
        raise NotDeliveredError("dispatch_failed")
    if not text:
        return None
    if response.content_type != "application/json":
        return {"text": text}
    try:
        return json.loads(text)
    except ValueError as error:
        raise NotDeliveredError("dispatch_failed") from error
