"""Traces by OpenTelemetry's SDK, over OTLP/HTTP. Wants the extra `otel`; the only file that names the SDK.

The SDK sends them in a thread of its own, out of a queue of a fixed length: a collector that is away or slow costs
spans, and nothing else. Ids are made of the release and the span's key, so that a release is one trace whichever bots
worked on it.
"""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.re import parse_env_headers

from bot.settings import Settings
from pipeline.ports import Span

log = structlog.get_logger()

FLUSH = 3.0
"""Seconds that a stop waits for the collector to take what is left."""
LONGEST = 1000
"""Characters of an error that are sent."""

_SCOPE = InstrumentationScope("releasebot")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class OtlpTraces:
    """Hands spans to the collector that the environment names (bot.traces.Traces)."""

    def __init__(self, settings: Settings, redact: Callable[[str], str], owner: str) -> None:
        logging.getLogger("opentelemetry").setLevel(
            logging.CRITICAL
        )  # it says of every batch what we say once
        headers = parse_env_headers(settings.otel_exporter_otlp_headers.get_secret_value(), liberal=True)
        self._exporter = _Exporter(settings.traces_url, headers)
        self._queue = BatchSpanProcessor(self._exporter)
        self._redact, self._resource = redact, _resource(owner)

    def __call__(self, span: Span) -> None:
        try:
            self._queue.on_end(self._made(span))
        except Exception:
            log.exception("traces: a span could not be made")

    async def stop(self) -> None:
        """Send what is left. Not even the end of the process waits longer: the threads are daemons."""
        last = threading.Thread(target=self._queue.shutdown, name="traces: the last ones", daemon=True)
        last.start()
        await asyncio.to_thread(last.join, FLUSH)

    def _made(self, span: Span) -> ReadableSpan:
        said = {
            name: self._redact(value) if isinstance(value, str) else value
            for name, value in span.said.items()
        }
        error = self._redact(span.error)[:LONGEST]
        what = {"exception.type": error.partition(":")[0], "exception.message": error}
        return ReadableSpan(
            name=span.name,
            context=_context(span.release, span.key),
            parent=_context(span.release, "") if span.key else None,
            resource=self._resource,
            attributes=said,
            events=[sdk.Event("exception", what, _nanoseconds(span.end))] if error else [],
            kind=SpanKind.CLIENT if span.is_call else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, error) if error else Status(StatusCode.UNSET),
            start_time=_nanoseconds(span.begin),
            end_time=_nanoseconds(span.end),
            instrumentation_scope=_SCOPE,
        )


class _Exporter(OTLPSpanExporter):
    """Says once that the collector is away, and once that it is back."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        super().__init__(endpoint=url, headers=headers or None)
        self._url, self._is_away = url, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        is_away = result is not SpanExportResult.SUCCESS
        if is_away and not self._is_away:
            log.warning("traces: the collector takes none; they are lost until it does", url=self._url)
        elif self._is_away and not is_away:
            log.info("traces: the collector takes them again", url=self._url)
        self._is_away = is_away
        return result


def _context(release: str, key: str) -> SpanContext:
    """Ids of a fixed length (W3C Trace Context: 16 and 8 bytes), the same in every bot."""
    trace, mine = _digest(release), _digest(f"{release} {key}")
    return SpanContext(
        int.from_bytes(trace[:16]), int.from_bytes(mine[:8]), is_remote=False, trace_flags=_SAMPLED
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000


def _resource(owner: str) -> Resource:
    """What we say of ourselves; what the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) comes first."""
    try:
        ours = {"service.version": version("releasebot")}
    except PackageNotFoundError:  # run from its sources, as in the image
        ours = {}
    ours |= {"service.name": "releasebot", "service.instance.id": owner}
    return Resource.create().merge(Resource(ours)).merge(OTELResourceDetector().detect())
