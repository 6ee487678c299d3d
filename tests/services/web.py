"""A small real service for the deploy tests: it says which version it is, and drains on SIGTERM.

Its ways to misbehave are chosen by environment variables: BROKEN=unhealthy | crash | version | deaf | slow-start.
"""

import asyncio
import os
import sys
from collections import Counter

from aiohttp import web

VERSION = os.environ["RELEASE_VERSION"]
BROKEN = os.environ.get("BROKEN", "")
HEADERS = {"X-Version": VERSION}
COUNTED: Counter[str] = Counter()


async def health(_: web.Request) -> web.Response:
    return web.Response(status=500 if BROKEN == "unhealthy" else 200, headers=HEADERS)


async def version(_: web.Request) -> web.Response:
    said = "9.9.9" if BROKEN == "version" else VERSION
    return web.json_response({"version": said, "slot": os.environ["RELEASE_SLOT"]})


async def metrics(_: web.Request) -> web.Response:
    lines = [f'requests_total{{status="{status}"}} {count}\n' for status, count in COUNTED.items()]
    return web.Response(text="# TYPE requests_total counter\n" + "".join(lines))


async def breaks(_: web.Request) -> web.Response:
    """From now on most requests fail."""
    COUNTED["broken"] = 0
    return web.Response(headers=HEADERS)


async def echo(request: web.Request) -> web.Response:
    if "broken" in COUNTED:
        COUNTED["500"] += 1
        return web.Response(status=500, headers=HEADERS)
    COUNTED["200"] += 1
    body = await request.text()
    names = ("RELEASE_VERSION", "RELEASE_SLOT", "SLOT_URL", "API_URL", "GREETING")
    told = {name: os.environ.get(name) for name in names}
    return web.json_response(
        {"version": VERSION, "path": request.path, "body": body, "told": told}, headers=HEADERS
    )


async def environment(_: web.Request) -> web.Response:
    return web.json_response(dict(os.environ))


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query.get("seconds", "1")))
    return web.json_response({"version": VERSION}, headers=HEADERS)


async def stream(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for number in range(5):
        await answer.write(f"data: {number}\n\n".encode())
        await asyncio.sleep(0.1)
    return answer


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    async for message in answer:
        await answer.send_str(f"{VERSION} {message.data}")
    return answer


async def crash(_: web.Request) -> web.Response:
    print("CRITICAL the service crashed")
    os._exit(3)


def main() -> None:
    print(f"service {VERSION} starts with {os.environ.get('SECRET', 'no secret')}")
    if BROKEN == "crash":
        sys.exit("no database: \x1b[31mgiving up\x1b[0m")
    app = web.Application()
    for prefix in ("", "/api"):
        app.router.add_get(prefix + "/slow", slow)
        app.router.add_get(prefix + "/stream", stream)
        app.router.add_get(prefix + "/socket", socket)
        app.router.add_get(prefix + "/crash", crash)
        app.router.add_get(prefix + "/environment", environment)
    app.router.add_get("/healthz", health)
    app.router.add_get("/version", version)
    app.router.add_get("/metrics", metrics)
    app.router.add_post("/break", breaks)
    app.router.add_route("*", "/{path:.*}", echo)
    port = 1 if BROKEN == "deaf" else int(os.environ["PORT"])
    web.run_app(app, host=os.environ["HOST"], port=port, print=None, shutdown_timeout=10.0)


if __name__ == "__main__":
    main()
