"""Brings payloads to the bot and tells how it took them: in time, late, or not at all."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bot.sandbox.core import Core

Json = dict[str, Any]
Kind = Literal["slash_commands", "interactive", "events_api"]
ACK_SECONDS = 3.0


class NotDeliveredError(Exception):
    """The bot is not there, or refused; `code` is the one that Slack shows to the person."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Retry:
    """The second delivery of an event: which attempt it is, and why."""

    attempt: int
    reason: str


class Transport(Protocol):
    """One way to the bot: Socket Mode or HTTP."""

    @property
    def ready(self) -> bool:
        """Whether somebody is there to receive, as far as one can know."""

    async def send(self, kind: Kind, payload: Json, retry: Retry | None) -> Any:
        """Send and return the ack's payload. Raises NotDeliveredError; the caller limits the time."""


@dataclass(frozen=True)
class Delivered:
    """How the bot took something. `latency_ms` runs until its ack or until the sandbox gave up.

    error: None, or what the person is told (`dispatch_failed`, `operation_timeout`, `invalid_input`).
    errors: a form's field errors by block_id, from the bot or from the page's own checks.
    """

    acked: bool
    latency_ms: float
    error: str | None = None
    answer: Any = None
    errors: Mapping[str, str] = field(default_factory=dict)


class Courier:
    """Delivers one payload within the time Slack gives, keeps the journal, doubles on demand."""

    def __init__(self, core: Core, transport: Transport, ack_seconds: float = ACK_SECONDS) -> None:
        self._core = core
        self._transport = transport
        self._seconds = ack_seconds
        self._doubles: set[asyncio.Task[Delivered]] = set()

    async def deliver(self, kind: Kind, payload: Json) -> Delivered:
        """Deliver a command or an interaction: never again when it fails, as Slack."""
        if self._core.faults.take_double():
            double = asyncio.create_task(self._once(kind, payload))
            self._doubles.add(double)
            double.add_done_callback(self._doubles.discard)
        return await self._once(kind, payload)

    async def deliver_event(self, payload: Json) -> Delivered:
        """Deliver an event; one that was not acked is sent once more at once (Slack's first retry)."""
        first = await self.deliver("events_api", payload)
        if first.acked:
            return first
        reason = "http_timeout" if first.error == "operation_timeout" else "http_error"
        return await self._once("events_api", payload, Retry(1, reason))

    async def close(self) -> None:
        """Give up on second deliveries that are still on their way."""
        for task in [*self._doubles]:
            task.cancel()
        await asyncio.gather(*self._doubles, return_exceptions=True)

    async def _once(self, kind: Kind, payload: Json, retry: Retry | None = None) -> Delivered:
        entry = self._core.journal.delivery(str(payload.get("type", kind)), payload)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._seconds):
                entry.answer = await self._transport.send(kind, payload, retry)
        except NotDeliveredError as error:
            entry.error = error.code
        except TimeoutError:
            entry.error = "operation_timeout"
        finally:
            entry.ms, entry.done = (time.perf_counter() - started) * 1_000, True
            self._core.journal.ring()
        return Delivered(entry.error is None, entry.ms, entry.error, entry.answer)
