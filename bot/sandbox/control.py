"""The page's side: the page itself, a live stream of what one person sees, and acts as JSON posts."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.errors import SandboxError, SlackError
from bot.sandbox.snapshot import snapshot, traffic

if TYPE_CHECKING:
    from bot.sandbox.sandbox import Sandbox

Json = dict[str, Any]
Act = Callable[[Json], Awaitable[Any]]
STATIC = Path(__file__).parent / "static"
# A burst of changes becomes one redraw.
SETTLE_SECONDS = 0.03
HEARTBEAT_SECONDS = 10.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Control:
    """Serves the page and lets it act, through the same methods that tests use."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self.closing = False

    def routes(self) -> list[web.AbstractRouteDef]:
        """The page, its files, its stream and its acts."""
        return [
            web.get("/", self._page),
            web.static("/static", STATIC),
            web.get("/archives/{channel}/{message}", self._permalink),
            web.get("/sandbox/live", self._live),
            web.get("/sandbox/traffic", self._traffic),
            web.post("/sandbox/{act}", self._act),
        ]

    def close(self) -> None:
        """End the streams."""
        self.closing = True
        self._sandbox.core.journal.ring()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        headers = {
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        return web.FileResponse(STATIC / "index.html", headers=headers)

    async def _permalink(self, request: web.Request) -> web.StreamResponse:
        channel, message = request.match_info["channel"], request.match_info["message"]
        if not re.fullmatch(r"[A-Z0-9]+", channel) or not re.fullmatch(r"p\d{7,}", message):
            raise web.HTTPNotFound(text="This is not a message's address. Copy it again.")
        raise web.HTTPFound(f"/#{channel}/{message[1:-6]}.{message[-6:]}")

    async def _live(self, request: web.Request) -> web.StreamResponse:
        # A page may remember somebody who is not in this workspace any more.
        asked, people = request.query.get("user", ""), self._sandbox.workspace.users
        user = asked if asked in people else next(iter(people))
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        # The page went away.
        with suppress(ConnectionError):
            await self._stream(response, user)
        return response

    async def _stream(self, response: web.StreamResponse, user: str) -> None:
        before = ""
        while not self.closing:
            shown = json.dumps(snapshot(self._sandbox, user, online=self._sandbox.online))
            await response.write(f"data: {shown}\n\n".encode() if shown != before else b": still here\n\n")
            before = shown
            if await self._sandbox.core.journal.change(HEARTBEAT_SECONDS):
                await asyncio.sleep(SETTLE_SECONDS)

    async def _traffic(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        return web.json_response(traffic(self._sandbox, int(after) if after.isdecimal() else 0))

    async def _act(self, request: web.Request) -> web.Response:
        act = self._acts().get(request.match_info["act"])
        if act is None:
            raise web.HTTPNotFound(text="The sandbox has no such act.")
        # A form of another site cannot send this type without being asked about first.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="Send application/json.")
        try:
            given = await request.json()
            if not isinstance(given, dict):
                raise SandboxError("An act takes a JSON object. Send {} when it needs nothing.")
            result = await act(given)
        except (SandboxError, SlackError, LookupError, TypeError, ValueError) as error:
            return web.json_response({"problem": str(error)}, status=400)
        finally:
            self._sandbox.core.journal.ring()
        return web.json_response(result)

    def _acts(self) -> Mapping[str, Act]:
        box = self._sandbox
        methods: Mapping[str, Callable[..., Awaitable[Any]]] = {
            "command": box.command,
            "click": box.click,
            "click_view": box.click_view,
            "submit": box.submit,
            "close": box.close_view,
            "home": box.open_home,
            "options": box.options,
            "message_options": box.message_options,
            "shortcut": box.shortcut,
            "message_shortcut": box.message_shortcut,
        }
        acts: dict[str, Act] = {name: _delivering(method) for name, method in methods.items()}
        return acts | {"say": self._say, "faults": self._faults, "reset": self._reset}

    async def _say(self, given: Json) -> Json:
        return {"ts": self._sandbox.say(**given).ts}

    async def _faults(self, given: Json) -> Json:
        """Plan faults: `{"plan": {...}}` (see faults.Fault), or switch, or act on the connection."""
        switch_faults(self._sandbox, given)
        if given.get("connection") == "refresh":
            await self._sandbox.socket.refresh()
        return describe_faults(self._sandbox)

    async def _reset(self, given: Json) -> Json:
        self._sandbox.reset()
        return {}


def _delivering(method: Callable[..., Awaitable[Any]]) -> Act:
    async def act(given: Json) -> Any:
        result = await method(**given)
        return result if result is None or isinstance(result, list) else asdict(result)

    return act


def switch_faults(box: "Sandbox", given: Json) -> None:
    """Turn the switches that the inspector (or a test over HTTP) names; unknown names are refused."""
    faults = box.faults
    switches: Mapping[str, Callable[[Any], None]] = {
        "plan": lambda plan: faults.plan(**plan),
        "token_error": lambda code: setattr(faults, "token_error", code or None),
        "enforce_rate_limits": lambda on: setattr(faults, "enforce_rate_limits", bool(on)),
        "deliver_twice": lambda count: faults.deliver_twice(int(count)),
        "archive": lambda channel: box.archive(channel),
        "unarchive": lambda channel: box.archive(channel, archived=False),
        "connection": lambda how: {"drop": box.socket.drop, "mute": box.socket.mute}.get(how, lambda: None)(),
        "clear": lambda _: faults.clear(),
    }
    unknown = given.keys() - switches.keys()
    if unknown:
        raise SandboxError(f"There is no switch {', '.join(unknown)}. Use one of {', '.join(switches)}.")
    for name, value in given.items():
        switches[name](value)


def describe_faults(box: "Sandbox") -> Json:
    """What is switched on, for the inspector."""
    faults = box.faults
    return {
        "planned": [vars(fault) for fault in faults.planned],
        "token_error": faults.token_error,
        "enforce_rate_limits": faults.enforce_rate_limits,
        "twice": faults.twice,
        "archived": [c.id for c in box.workspace.channels.values() if c.is_archived],
        "connections": box.socket.connections,
    }
