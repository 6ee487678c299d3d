"""What the tests on a Docker engine share."""

import asyncio
from collections.abc import Callable

SECONDS = 30.0
"""How long a condition may take to become true."""


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is true of the engine; looking at it blocks, so that it is done in a thread."""
    try:
        async with asyncio.timeout(SECONDS):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {SECONDS:g} s: {what}") from None
