"""What both HTTP processes share: start, stop, health of the answers, and the version in each of them."""

import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from core_hub import log as logs
from core_hub.problems import Problem
from core_hub.settings import Settings

DRAIN_SECONDS = 8.0
"""How long a stop waits for requests in flight; shorter than the grace that the playbook gives."""

VERSION_HEADER = "X-Core-Hub-Version"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Observer = Callable[[str, str, int, float], None]

log = logging.getLogger("core_hub.web")


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

    return web.Application(middlewares=[answer], client_max_size=64 * 1024)


def version(settings: Settings) -> Handler:
    """The handler that says which version of which component answers."""

    async def handler(_request: web.Request) -> web.Response:
        return web.json_response({"version": settings.version, "component": settings.component})

    return handler


def serve(settings: Settings, build: Callable[[Settings], web.Application]) -> None:
    """Serve until SIGTERM or SIGINT: then listen no more, finish the requests in flight, return.

    Ends the process with exit code 1 and one sentence when the address cannot be had.
    """
    logs.start(settings.component, settings.version)
    app = build(settings)
    app.on_shutdown.append(_say("stopping: finishing the requests in flight"))
    app.on_cleanup.append(_say("stopped"))
    try:
        web.run_app(
            app,
            host=settings.host,
            port=settings.port,
            shutdown_timeout=DRAIN_SECONDS,
            print=lambda _lines: log.info(
                "ready: %s:%d (%s)", settings.host, settings.port, settings.environment
            ),
            access_log=None,
        )
    except OSError as error:
        sys.stderr.write(
            f"The {settings.component} cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another PORT, or stop what listens there.\n"
        )
        raise SystemExit(1) from error


def _say(sentence: str) -> Callable[[web.Application], Awaitable[None]]:
    async def hook(_app: web.Application) -> None:
        log.info(sentence)

    return hook


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
