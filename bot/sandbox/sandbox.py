"""A local Slack for tests and trials: `async with Sandbox() as sandbox: ...`."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from bot.sandbox import modals
from bot.sandbox.acts import Acts
from bot.sandbox.api_server import ApiServer
from bot.sandbox.control import Control
from bot.sandbox.core import Core
from bot.sandbox.delivery import ACK_SECONDS, Courier, Delivered
from bot.sandbox.faults import Faults
from bot.sandbox.files import MOST_BYTES
from bot.sandbox.guard import guard
from bot.sandbox.http_delivery import HttpTransport
from bot.sandbox.journal import Call, Delivery
from bot.sandbox.people import Command, Shortcut
from bot.sandbox.socket_mode import SocketPool
from bot.sandbox.workspace import Message, View, Workspace

Json = dict[str, Any]
T = TypeVar("T")
LOOPBACK = "127.0.0.1"


class Sandbox(Acts):
    """The whole sandbox: a server on the loopback, and what people do as methods (see Acts).

    port: 0 takes a free one. commands: what the manifest registers; empty allows any. request_url: deliver
    by signed HTTP instead of Socket Mode. clock: seconds since the epoch, for triggers, response_urls,
    edit windows and rate limits. ack_seconds: how long a delivery may take (Slack: 3).
    """

    def __init__(
        self,
        port: int = 0,
        *,
        commands: Sequence[Command] = (),
        shortcuts: Sequence[Shortcut] = (),
        request_url: str | None = None,
        clock: Callable[[], float] = time.time,
        ack_seconds: float = ACK_SECONDS,
    ) -> None:
        core = Core(Workspace(clock), commands, shortcuts)
        self.socket = SocketPool(core)
        self.http = HttpTransport(core, request_url) if request_url else None
        super().__init__(core, Courier(core, self.http or self.socket, ack_seconds))
        self._port = port
        self._runner: web.AppRunner | None = None

    # -------------------------------------------------------- start, stop

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on the loopback. Raises OSError when the port is taken."""
        self._api = ApiServer(self.core)
        app = web.Application(middlewares=[guard], client_max_size=MOST_BYTES + 1_000_000)
        self._control = Control(self)
        socket = web.get("/socket", self.socket.handle)
        app.add_routes([*self._api.routes(), socket, *self._control.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.core.base_url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        self._api.closing.set()
        self._control.close()
        await self.courier.close()
        await self.socket.close()
        if self.http is not None:
            await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # ------------------------------------------------------------ addresses

    @property
    def api_url(self) -> str:
        """The Web API's base, for slack_sdk's `base_url`; ends with a slash."""
        return f"{self.core.base_url}/api/"

    @property
    def page_url(self) -> str:
        """The page for people."""
        return f"{self.core.base_url}/"

    @property
    def bot_token(self) -> str:
        return self.core.bot_token

    @property
    def app_token(self) -> str:
        return self.core.app_token

    @property
    def signing_secret(self) -> str:
        return self.core.signing_secret

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self.core.faults

    @property
    def online(self) -> bool:
        """Whether the bot seems to be there."""
        return self.http.ready if self.http else self.socket.ready

    def archive(self, channel: str, *, archived: bool = True) -> None:
        """Archive a channel: nobody can post into it any more. Or bring it back."""
        self.workspace.channel(channel).is_archived = archived
        self.core.journal.ring()

    def reset(self) -> None:
        """Forget messages, views, traffic and faults; people, channels and connections stay."""
        self.workspace.forget()
        self.suggested.clear()
        self.faults.clear()
        self.core.journal.clear()

    # ----------------------------------------------------------------- acts

    async def click_ephemeral(self, user: str, action_id: str, **chosen: Any) -> Delivered:
        """Click in the newest ephemeral message of a person that has this action."""
        for message in reversed(self.ephemerals(user)):
            if any(action_id in str(block) for block in message.blocks):
                return await self.click(user, message.channel, message.ts, action_id, **chosen)
        raise LookupError(f"{user} sees no ephemeral message with {action_id!r}.")

    async def submit(self, user: str, view_id: str, values: modals.Values | None = None) -> Delivered:
        """Fill in a modal ({block_id: {action_id: value}}) and submit it; see `Delivered.errors`."""
        return await modals.submit(self, user, view_id, values)

    async def close_view(self, user: str, view_id: str, *, everything: bool = False) -> Delivered | None:
        """Close a modal, or the whole stack; None when the bot did not ask to be told."""
        return await modals.close(self, user, view_id, everything=everything)

    # ---------------------------------------------------------- what is there

    def messages(self, channel: str) -> list[Message]:
        """What everybody sees in the channel itself, oldest first: parents and broadcast replies."""
        place = self.workspace.channel(channel).id
        found = (m for m in self.workspace.messages if m.channel == place and m.to is None)
        return [message for message in found if not message.is_reply or message.broadcast]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A thread: its parent and all replies, oldest first."""
        return self.workspace.thread(self.workspace.channel(channel).id, ts)

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person sees, in all channels, oldest first."""
        return [message for message in self.workspace.messages if message.to == user]

    def views(self, user: str) -> list[View]:
        """The person's open modals; the last is on top."""
        return list(self.workspace.stacks.get(user, []))

    def home(self, user: str) -> View | None:
        """The person's Home tab, if the bot has published one."""
        return self.workspace.homes.get(user)

    @property
    def calls(self) -> list[Call]:
        """The bot's Web API calls, oldest first (the last 5,000)."""
        return list(self.core.journal.calls)

    @property
    def deliveries(self) -> list[Delivery]:
        """What was sent to the bot, oldest first (the last 5,000)."""
        return list(self.core.journal.deliveries)

    async def wait_for(self, predicate: Callable[[], T], timeout: float = 5.0) -> T:
        """Ask `predicate` after each change until it answers something truthy. Raises TimeoutError."""
        return await self.core.journal.wait_for(predicate, timeout)

    async def wait_connected(self, connections: int = 1, timeout: float = 5.0) -> None:
        """Wait until the bot has this many Socket Mode connections. Raises TimeoutError."""
        await self.wait_for(lambda: self.socket.connections >= connections, timeout)
