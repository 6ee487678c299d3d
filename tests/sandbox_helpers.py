"""A tiny Bolt app and its start and stop, shared by the sandbox's tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox

Json = dict[str, Any]


def client_of(sandbox: Sandbox) -> AsyncWebClient:
    """A Web API client with the bot's token."""
    return AsyncWebClient(sandbox.bot_token, base_url=sandbox.api_url)


def app_of(sandbox: Sandbox) -> AsyncApp:
    """A Bolt app of this sandbox, without listeners."""
    return AsyncApp(client=client_of(sandbox), signing_secret=sandbox.signing_secret)


def button(action_id: str, text: str = "Press", **more: Any) -> Json:
    """A button element."""
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": text}} | more


def actions(*elements: Json, block_id: str = "act") -> Json:
    """An actions block."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def section(text: str) -> Json:
    """A section of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def modal(*blocks: Json, **more: Any) -> Json:
    """A modal with a submit button."""
    plain = {"type": "plain_text"}
    titles = {"title": plain | {"text": "Form"}, "submit": plain | {"text": "Go"}}
    return {"type": "modal", "callback_id": "form", **titles, "blocks": list(blocks)} | more


def text_input(block_id: str, action_id: str = "v", **more: Any) -> Json:
    """An input block with a line of text."""
    element = {"type": "plain_text_input", "action_id": action_id} | more
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": block_id.title()},
        "element": element,
    }


@asynccontextmanager
async def socket_bot(sandbox: Sandbox, app: AsyncApp, connections: int = 1) -> AsyncIterator[None]:
    """Run the app over this many Socket Mode connections."""
    handlers = [AsyncSocketModeHandler(app, sandbox.app_token, ping_interval=1) for _ in range(connections)]
    try:
        for handler in handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it without types
        await sandbox.wait_connected(connections)
        yield
    finally:
        for handler in handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it without types


@asynccontextmanager
async def http_bot(app: AsyncApp, port: int) -> AsyncIterator[None]:
    """Run the app behind an HTTP server of its own on the loopback."""

    async def receive(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    server = web.Application()
    server.router.add_post("/slack/events", receive)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
