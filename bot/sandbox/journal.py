"""What went over the wire, for tests and for the page's inspector; and the bell that rings on each change."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
KEPT = 5_000


@dataclass
class Call:
    """One Web API call of the bot. `at` is seconds since the epoch; `ms` is 0 until it was answered."""

    number: int
    at: float
    method: str
    arguments: dict[str, Any]
    status: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    ms: float = 0.0


@dataclass
class Delivery:
    """One payload on its way to the bot. `error` is None when it was acked."""

    number: int
    at: float
    kind: str
    payload: dict[str, Any]
    error: str | None = None
    answer: Any = None
    ms: float = 0.0
    done: bool = False


class Journal:
    """The last 5,000 calls and deliveries, numbered in one row, and a bell for whoever waits."""

    def __init__(self) -> None:
        self.calls: deque[Call] = deque(maxlen=KEPT)
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self._numbers = itertools.count(1)
        self._waiting: set[asyncio.Event] = set()

    def call(self, method: str, arguments: dict[str, Any]) -> Call:
        """Start a call's entry."""
        entry = Call(next(self._numbers), time.time(), method, arguments)
        self.calls.append(entry)
        self.ring()
        return entry

    def delivery(self, kind: str, payload: dict[str, Any]) -> Delivery:
        """Start a delivery's entry."""
        entry = Delivery(next(self._numbers), time.time(), kind, payload)
        self.deliveries.append(entry)
        self.ring()
        return entry

    def clear(self) -> None:
        """Forget the traffic; numbers go on."""
        self.calls.clear()
        self.deliveries.clear()
        self.ring()

    def ring(self) -> None:
        """Something changed: wake everybody who waits."""
        for event in self._waiting:
            event.set()

    async def change(self, timeout: float) -> bool:
        """Wait for the next change, at most `timeout` seconds; whether there was one."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(event)
        return True

    async def wait_for(self, predicate: Callable[[], T], timeout: float) -> T:
        """Ask `predicate` after each change until it answers something truthy. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(self._stuck(timeout))
            await self.change(left)
        return found

    def _stuck(self, timeout: float) -> str:
        recent = [f"{call.method}: {call.answer.get('error', 'ok')}" for call in [*self.calls][-8:]]
        return (
            f"Nothing made the condition true in {timeout:g} s. "
            f"The last API calls were: {', '.join(recent) or 'none'}. "
            "Look at sandbox.calls and sandbox.deliveries for what the bot did."
        )
