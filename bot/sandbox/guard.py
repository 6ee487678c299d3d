"""Keeps other web pages out: the Host must be this machine's loopback name, an Origin must be our own."""

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse with 403 what DNS rebinding or another site's page sends."""
    if not is_loopback(request.host):
        raise web.HTTPForbidden(text="The sandbox answers only to 127.0.0.1 and localhost. Use that address.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise web.HTTPForbidden(text="The sandbox takes no requests from other pages. Use its own page.")
    return await handler(request)


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine: localhost or a loopback address, with any port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
