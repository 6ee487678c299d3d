"""Whether this process has just been stalled: suspended, swapped out, or its event loop blocked.

Slack gives a request three seconds and then tells the person that it failed. What waited longer in a stalled
process must not be carried out afterwards: by then the person has asked again, or wants something else.
"""

import asyncio
import math

from pipeline.lease import suspended_clock

BEAT = 0.25
LONGEST = 2.5
"""Seconds without a beat that count as a stall."""
BACKLOG = 1.0
"""Seconds after a stall in which what arrived during it is still being read."""


class Pulse:
    """A beat of the event loop. It is a plain timer: those run before any task that was waiting for input."""

    def __init__(self) -> None:
        self._last = suspended_clock()
        self._woke = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat, in the running event loop."""
        self._last = suspended_clock()
        self._beat()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        now = suspended_clock()
        if now - self._last > LONGEST:
            self._woke = now
        self._last = now
        self._timer = asyncio.get_running_loop().call_later(BEAT, self._beat)

    def has_stalled(self) -> bool:
        """Whether what arrives now may have waited for longer than Slack does."""
        now = suspended_clock()
        return now - self._last > LONGEST or now - self._woke < BACKLOG
