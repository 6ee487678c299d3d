"""Serving until SIGTERM, and stopping without losing a request."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

from aiohttp import web

from core_hub import log as logs
from core_hub.settings import Settings
from core_hub.web import TRAFFIC

DRAIN_SECONDS = 8.0
"""How long a stop waits for requests in flight; shorter than the grace that the playbook gives."""

log = logging.getLogger("core_hub.serving")


def serve(settings: Settings, build: Callable[[Settings], web.Application]) -> None:
    """Serve until SIGTERM or SIGINT: then listen no more, finish the requests in flight, return.

    Ends the process with exit code 1 and one sentence when the address cannot be had.
    """
    logs.start(settings.component, settings.version)
    try:
        asyncio.run(_serve(settings, build(settings)))
    except OSError as error:
        sys.stderr.write(
            f"The {settings.component} cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another PORT, or stop what listens there.\n"
        )
        raise SystemExit(1) from error


async def _serve(settings: Settings, app: web.Application) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        log.info("ready: %s:%d (%s)", settings.host, settings.port, settings.environment)
        await stop.wait()
        await site.stop()
        await _drain(app)
    finally:
        await runner.cleanup()
    log.info("stopped")


async def _drain(app: web.Application) -> None:
    # aiohttp's own clean-up reads nothing more from its connections, so that a request whose body is
    # still on its way would be lost. It is only called once nothing is in flight any more.
    log.info("stopping: finishing %d requests in flight", app[TRAFFIC].in_flight)
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await app[TRAFFIC].end()
    except TimeoutError:
        log.error("%d requests were cut off after %.0f s", app[TRAFFIC].in_flight, DRAIN_SECONDS)
