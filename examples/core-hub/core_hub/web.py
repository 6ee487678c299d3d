"""What both HTTP processes share: the version in each answer, failures as JSON, and what is in flight."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from core_hub.problems import Problem
from core_hub.settings import Settings

VERSION_HEADER = "X-Core-Hub-Version"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Observer = Callable[[str, str, int, float], None]

log = logging.getLogger("core_hub.web")


class Traffic:
    """The requests in flight: those of which at least the head has arrived."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._ending = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request; from the end on, its connection is closed after the answer."""
        self.in_flight += 1
        self._quiet.clear()
        try:
            response = await handler(request)
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._quiet.set()
        if self._ending:
            response.force_close()
        return response

    async def end(self) -> None:
        """Return when nothing is in flight; new requests on open connections are still answered."""
        self._ending = True
        await self._quiet.wait()


TRAFFIC = web.AppKey("traffic", Traffic)


def application(settings: Settings, observe: Observer) -> web.Application:
    """An application whose answers carry the version, whose failures are JSON, and which is observed."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time.perf_counter()
        response = await _answer(request, handler)
        response.headers[VERSION_HEADER] = settings.version
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        observe(request.method, route, response.status, time.perf_counter() - begun)
        return response

    traffic = Traffic()
    app = web.Application(middlewares=[traffic.count, answer], client_max_size=64 * 1024)
    app[TRAFFIC] = traffic
    return app


def version(settings: Settings) -> Handler:
    """The handler that says which version of which component answers."""

    async def handler(_request: web.Request) -> web.Response:
        return web.json_response({"version": settings.version, "component": settings.component})

    return handler


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return web.json_response(problem.body, status=problem.status)
    except web.HTTPException as error:
        return _json_of(request, error)
    except Exception:
        log.exception("%s %r failed", request.method, request.path)
        failure = Problem(
            500,
            "The request failed.",
            "The cause is in this process's log.",
            "Try again; then tell the team.",
        )
        return web.json_response(failure.body, status=500)


def _json_of(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error
    problem = Problem(
        error.status,
        f"{request.method} {request.path} was not carried out.",
        f"{error.reason}.",
        "Look up the address, the method and the size of the body in the README.",
    )
    headers = {name: value for name, value in error.headers.items() if name == "Allow"}
    return web.Response(
        text=json.dumps(problem.body), status=error.status, content_type="application/json", headers=headers
    )
