"""Socket Mode, the server's side: up to ten connections, each payload goes to exactly one of them."""

import asyncio
import json
import secrets
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.core import Core
from bot.sandbox.delivery import Kind, NotDeliveredError, Retry
from bot.sandbox.people import APP_ID

Json = dict[str, Any]
MOST_CONNECTIONS = 10
HOST = "sandbox"


class Connection:
    """One WebSocket of the bot. A silent one stays open, but neither pongs nor gets payloads through."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.request = request
        self.socket = socket
        self.silent = False

    async def say(self, message: Json) -> None:
        """Send a message; a connection that just broke counts as not delivered."""
        try:
            if not self.silent:
                await self.socket.send_json(message)
        except ConnectionError as error:
            raise NotDeliveredError("dispatch_failed") from error


class SocketPool:
    """The bot's connections, in the order of their next turn."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._connections: list[Connection] = []
        self._leaving: set[Connection] = set()
        self._acks: dict[str, asyncio.Future[Any]] = {}

    @property
    def ready(self) -> bool:
        """Whether a connection is there."""
        return bool(self._connections)

    @property
    def connections(self) -> int:
        """How many connections take payloads."""
        return len(self._connections)

    async def send(self, kind: Kind, payload: Json, retry: Retry | None) -> Any:
        """Give the payload to one connection and wait for its ack. Raises NotDeliveredError."""
        if not self._connections:
            raise NotDeliveredError("dispatch_failed")
        connection = self._connections.pop(0)
        self._connections.append(connection)
        envelope_id = secrets.token_hex(16)
        ack = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await connection.say(_envelope(envelope_id, kind, payload, retry))
            return await ack
        finally:
            del self._acks[envelope_id]

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until it ends."""
        # Pings are answered here and not by aiohttp, so that a silent death can be played.
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(request, socket)
        if len(self._connections) >= MOST_CONNECTIONS:
            await connection.say(_goodbye("too_many_websockets"))
            await socket.close()
            return socket
        self._connections.append(connection)
        await connection.say(self._hello())
        self._core.journal.ring()
        try:
            await self._listen(connection)
        finally:
            self._forget(connection)
        return socket

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask the connection whose turn is next to leave; payloads go to the others at once."""
        if self._connections:
            connection = self._connections.pop(0)
            self._leaving.add(connection)
            await connection.say(_goodbye(reason))
            self._core.journal.ring()

    def drop(self) -> None:
        """Cut the connection whose turn is next, without a word."""
        if self._connections:
            connection = self._connections[0]
            self._forget(connection)
            if connection.request.transport is not None:
                connection.request.transport.abort()

    def mute(self) -> None:
        """Let the connection whose turn is next die silently: open, but nothing comes any more."""
        if self._connections:
            self._connections[0].silent = True

    async def close(self) -> None:
        """Close every connection."""
        for connection in [*self._connections, *self._leaving]:
            await connection.socket.close()

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type == WSMsgType.PING and not connection.silent:
                await connection.socket.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                self._take_ack(message.data)

    def _take_ack(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        ack = self._acks.get(str(message.get("envelope_id")))
        if ack is not None and not ack.done():
            ack.set_result(message.get("payload"))

    def _forget(self, connection: Connection) -> None:
        self._leaving.discard(connection)
        if connection in self._connections:
            self._connections.remove(connection)
        self._core.journal.ring()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP_ID},
        }


def _goodbye(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}


def _envelope(envelope_id: str, kind: Kind, payload: Json, retry: Retry | None) -> Json:
    envelope: Json = {
        "envelope_id": envelope_id,
        "type": kind,
        "payload": payload,
        "accepts_response_payload": kind != "events_api",
    }
    if kind == "events_api":
        envelope |= {
            "retry_attempt": retry.attempt if retry else 0,
            "retry_reason": retry.reason if retry else "",
        }
    return envelope
