"""The bot's own small HTTP face: is it alive, is it ready, what does it count, flags, and Slack's HTTP mode."""

import time
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

Ready = Callable[[], Awaitable[list[str]]]
"""What is not ready, in words; empty when everything is."""

FIVE_MINUTES = 300
TEN_MINUTES = 600
MOST_BYTES = 1_000_000


class Server:
    """Liveness, readiness, metrics; with an app also `/slack/events`, and whatever else has `routes`."""

    def __init__(
        self,
        host: str,
        port: int,
        ready: Ready,
        registry: CollectorRegistry,
        app: AsyncApp | None,
        routes: Sequence[web.RouteDef] = (),
    ) -> None:
        self.host, self.port, self._ready, self._registry, self._bolt = host, port, ready, registry, app
        self._routes = routes
        self._seen: dict[str, float] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        served = web.Application(client_max_size=MOST_BYTES)
        served.add_routes([
            web.get("/healthz", self._health),
            web.get("/readyz", self._readiness),
            web.get("/metrics", self._metrics),
            *self._routes,
        ])  # fmt: skip
        if self._bolt is not None:
            served.add_routes([web.post("/slack/events", self._slack)])
        self._runner = web.AppRunner(served, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readiness(self, _: web.Request) -> web.Response:
        missing = await self._ready()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _slack(self, request: web.Request) -> web.Response:
        """Bolt checks the signature; here what it does not: garbage in headers or body, and a replayed request."""
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not stamp.isascii() or not stamp.isdecimal() or abs(time.time() - int(stamp[:12])) > FIVE_MINUTES:
            return web.json_response({"error": "invalid timestamp"}, status=401)
        if not signature.isascii() or self._replayed(signature):
            return web.json_response({"error": "invalid or replayed signature"}, status=401)
        asked = await _read(request)
        if asked is None:
            return web.json_response({"error": "unreadable body"}, status=400)
        assert self._bolt is not None
        answer = await to_aiohttp_response(await self._bolt.async_dispatch(asked))
        if answer.status == 200:
            self._seen[signature] = time.monotonic()
        return answer

    def _replayed(self, signature: str) -> bool:
        now = time.monotonic()
        self._seen = {seen: at for seen, at in self._seen.items() if now - at < TEN_MINUTES}
        return signature in self._seen


async def _read(request: web.Request) -> AsyncBoltRequest | None:
    """The request as Bolt takes it; None when its body is nothing that Slack would send.

    Bolt parses before it checks who sent it, and raises whatever its parsing happens to raise.
    """
    try:
        return await to_bolt_request(request)
    except (ValueError, LookupError, AttributeError, TypeError):
        return None
