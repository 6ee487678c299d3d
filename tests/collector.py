"""A real OTLP/HTTP receiver in the test's own loop: it takes what an OpenTelemetry SDK sends, or does not answer."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATIENCE = 60.0


@dataclass(frozen=True)
class Got:
    """A span as it arrived, with the attributes of who sent it."""

    trace: str
    id: str
    parent: str
    name: str
    seconds: float
    said: dict[str, Any]
    error: str
    events: tuple[str, ...]
    sender: dict[str, Any]


@dataclass
class Collector:
    """`status` is answered to each request; a `silent` one takes requests and never answers."""

    spans: list[Got] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    silent: bool = False
    port: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.headers.append(dict(request.headers))
        self.changed.set()
        if self.silent:
            await asyncio.Event().wait()
        if self.status == 200:
            zipped = request.headers.get("Content-Encoding") == "gzip"
            told = ExportTraceServiceRequest.FromString(gzip.decompress(raw) if zipped else raw)
            self.spans += [got for one in told.resource_spans for got in _spans(one)]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(status=self.status, body=answer, content_type="application/x-protobuf")

    async def until(self, enough: Callable[["Collector"], bool]) -> None:
        """Wait for a condition of what has arrived."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not enough(self):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError([(span.name, span.said) for span in self.spans]) from None

    def stages(self) -> list[tuple[str, int]]:
        """The attempts of stages that arrived."""
        found = (span.said for span in self.spans if "releasebot.stage" in span.said)
        return [(said["releasebot.stage"], said["releasebot.attempt"]) for said in found]


def _spans(one: Any) -> list[Got]:
    sender = _said(one.resource.attributes)
    return [
        Got(
            span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name,
            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9, _said(span.attributes),
            span.status.message if span.status.code == 2 else "", tuple(event.name for event in span.events), sender,
        )
        for scope in one.scope_spans
        for span in scope.spans
    ]  # fmt: skip


def _said(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextlib.asynccontextmanager
async def open_collector() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.port = runner.addresses[0][1]
    try:
        yield collector
    finally:
        await runner.cleanup()
