"""Bolt: the app that Slack talks to, over Socket Mode or HTTP, against any Slack-compatible server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import ClientConnectorError, ClientError
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from bot.counted import CountedClient
from bot.settings import Settings

log = structlog.get_logger()

CONNECTIONS = 2
"""Socket Mode connections: the SDK closes an old one before it opens the next, so one alone has gaps."""

SECONDS = 20
"""The longest a Web API call may take; the outbox then tries again."""


def web_client(settings: Settings) -> CountedClient:
    """The client for Slack's Web API. 429 is not slept away here: the outbox paces what it sends.

    Only a call that never reached Slack is repeated: one that was cut off may have been carried out,
    and the outbox looks for its message before it posts again.
    """
    return CountedClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=SECONDS,
        retry_handlers=[AsyncConnectionErrorRetryHandler(error_types=[ClientConnectorError])],
        logger=_quiet("slack_sdk.web"),
    )


def bolt_app(
    settings: Settings, client: AsyncWebClient, has_stalled: Callable[[], bool] = lambda: False
) -> AsyncApp:
    """The Bolt app; listeners are registered by handlers.register. What waited in a stall is not acknowledged."""
    app = AsyncApp(
        client=client,
        signing_secret=settings.slack_signing_secret.get_secret_value() or None,
        logger=_quiet("slack_bolt"),
        raise_error_for_unhandled_request=False,
    )

    async def refuse_late(body: dict[str, Any], next_: Callable[[], Awaitable[None]]) -> BoltResponse | None:
        if has_stalled():
            log.warning(
                "slack: a request waited in a stalled process; Slack has told so", kind=body.get("type")
            )
            return BoltResponse(status=503)
        await next_()
        return None

    app.middleware(refuse_late)
    return app


def _quiet(name: str) -> logging.Logger:
    """Bolt logs bodies of failed requests, which hold response URLs: keep its warnings, not its chatter."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.ERROR)
    return logger


class Sockets:
    """Socket Mode connections of the app, with a watchdog for silent death."""

    def __init__(self, app: AsyncApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._handlers: list[AsyncSocketModeHandler] = []

    def _handler(self) -> AsyncSocketModeHandler:
        return AsyncSocketModeHandler(
            self._app,
            app_token=self._settings.slack_app_token.get_secret_value(),
            web_client=AsyncWebClient(base_url=self._settings.slack_api_url, timeout=SECONDS),
            logger=_quiet("slack_bolt.socket"),
        )

    async def open(self) -> None:
        """Connect. Raises what the SDK raises when Slack cannot be reached or refuses the token."""
        self._handlers = [self._handler() for _ in range(CONNECTIONS)]
        for handler in self._handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here

    @property
    def alive(self) -> int:
        """How many connections are up."""
        return sum(_up(handler.client) for handler in self._handlers)

    async def heal(self) -> None:
        """Open again what died in silence; called by the clock."""
        for handler in self._handlers:
            client: SocketModeClient = handler.client
            if not _up(client) and not client.closed:
                log.warning("socket: a connection died, opening it again")
                try:
                    await client.connect_to_new_endpoint(force=True)
                except (SlackClientError, ClientError, TimeoutError, OSError) as error:
                    log.warning("socket: Slack cannot be reached, trying again", error=str(error))

    async def close(self) -> None:
        closing: list[Awaitable[None]] = [handler.close_async() for handler in self._handlers]  # type: ignore[no-untyped-call]  # as above
        await asyncio.gather(*closing, return_exceptions=True)


def _up(client: SocketModeClient) -> bool:
    session = client.current_session
    return session is not None and not session.closed
