"""The HTTP side of what the bot calls: /api/METHOD, /response/SECRET, /upload/ID and /files/ID."""

import asyncio
import json
import math
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.sandbox.args import Args, read_args
from bot.sandbox.core import Core
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault
from bot.sandbox.files import IMAGES, MOST_BYTES
from bot.sandbox.hooks import respond
from bot.sandbox.journal import Call
from bot.sandbox.webapi import RateLimitedError, perform

Json = dict[str, Any]
SCOPES = "chat:write,commands,users:read,usergroups:read,channels:read,groups:read,files:write"
Effect = Callable[[], web.Response]


class ApiServer:
    """Answers the bot's calls; `closing` ends planned hangs when the sandbox stops."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.closing = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """The routes of everything that the bot calls."""
        return [
            web.route("*", "/api/{method}", self._api),
            web.post("/response/{secret}", self._response),
            web.post("/upload/{file}", self._upload),
            web.get("/files/{file}", self._file),
        ]

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args, problem = await _read(request)
        token = _token(request)
        call = self._core.journal.call(method, dict(args))

        def effect() -> Json:
            if problem:
                raise problem
            return perform(self._core, method, args, token)

        return await self._judge(request, call, lambda: _slack_answer(effect))

    async def _response(self, request: web.Request) -> web.StreamResponse:
        args, problem = await _read(request)
        call = self._core.journal.call("response_url", dict(args))

        def effect() -> web.Response:
            try:
                if problem:
                    raise problem
                respond(self._core.workspace, request.match_info["secret"], args)
            except SlackError as error:
                gone = error.code in ("invalid_url", "expired_url", "used_url")
                return web.json_response(_refusal(error), status=404 if gone else 400)
            return web.Response(text="ok")

        return await self._judge(request, call, effect)

    async def _judge(self, request: web.Request, call: Call, effect: Effect) -> web.StreamResponse:
        started = time.perf_counter()
        fault = self._core.faults.take(call.method)
        response = await self._with_fault(fault, effect)
        call.ms = (time.perf_counter() - started) * 1_000
        if response is None or (fault and fault.kind == "drop_after"):
            call.answer = {"ok": False, "error": f"sandbox: connection dropped ({fault and fault.kind})"}
            self._core.journal.ring()
            return _cut(request)
        call.status, call.answer = response.status, _body(response)
        self._core.journal.ring()
        return response

    async def _with_fault(self, fault: Fault | None, effect: Effect) -> web.Response | None:
        match fault:
            case Fault(kind="rate_limited", seconds=seconds):
                return _too_many(seconds)
            case Fault(kind="status", status=status):
                return web.Response(status=status, text="planned by the sandbox")
            case Fault(kind="error", code=code):
                return web.json_response({"ok": False, "error": code})
            case Fault(kind="drop_before"):
                return None
            case Fault(kind="hang", seconds=seconds):
                await self._hang(seconds)
        return effect()

    async def _hang(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return

    async def _upload(self, request: web.Request) -> web.Response:
        stored = self._core.workspace.files.get(request.match_info["file"])
        if stored is None or stored.content is not None:
            raise web.HTTPNotFound(text="No upload is expected here. Call files.getUploadURLExternal first.")
        content = await _uploaded(request)
        if len(content) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(content))
        stored.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def _file(self, request: web.Request) -> web.Response:
        stored = self._core.workspace.files.get(request.match_info["file"])
        if stored is None or stored.content is None:
            raise web.HTTPNotFound(text="There is no such file.")
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        if stored.mimetype in IMAGES:
            return web.Response(body=stored.content, content_type=stored.mimetype, headers=headers)
        headers["Content-Disposition"] = "attachment"
        return web.Response(body=stored.content, content_type="application/octet-stream", headers=headers)


async def _read(request: web.Request) -> tuple[Args, SlackError | None]:
    try:
        return await read_args(request), None
    except SlackError as error:
        return Args(), error


def _token(request: web.Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.query.get("token")


def _slack_answer(effect: Callable[[], Json]) -> web.Response:
    try:
        answer = {"ok": True} | effect()
    except SlackError as error:
        answer = _refusal(error)
    except RateLimitedError as error:
        return _too_many(error.seconds)
    return web.json_response(answer, headers={"x-oauth-scopes": SCOPES})


def _refusal(error: SlackError) -> Json:
    details = {"response_metadata": {"messages": list(error.messages)}} if error.messages else {}
    return {"ok": False, "error": error.code} | details


def _too_many(seconds: float) -> web.Response:
    # Retry-After is in whole seconds; a fraction would be rounded down by clients and be too early.
    headers = {"Retry-After": str(math.ceil(seconds))}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _body(response: web.Response) -> Json:
    if response.content_type != "application/json":
        return {"ok": response.status == 200, "body": response.text}
    answer: Json = json.loads(response.text or "{}")
    return answer


async def _uploaded(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    for field in (await request.post()).values():
        if isinstance(field, web.FileField):
            return field.file.read()
    return b""
