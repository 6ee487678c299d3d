"""Steady load from strict keep-alive clients: POST, which no client and no proxy may silently repeat."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp


@dataclass
class Load:
    """What the clients saw. Times are of time.monotonic()."""

    answers: list[tuple[float, str]] = field(default_factory=list)  # when it was complete, which version
    failures: list[str] = field(default_factory=list)

    def versions(self, since: float = 0.0) -> Counter[str]:
        """How often each version answered."""
        return Counter(version for at, version in self.answers if at >= since)

    def last(self, version: str) -> float:
        """When a version answered for the last time."""
        return max(at for at, seen in self.answers if seen == version)

    async def more(self, count: int, seconds: float = 15.0) -> None:
        """Wait until `count` further requests have been answered."""
        wanted = len(self.answers) + count
        async with asyncio.timeout(seconds):
            while len(self.answers) < wanted:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def load(base: str, rate: float = 200.0, clients: int = 8) -> AsyncIterator[Load]:
    """`rate` requests a second from `clients` connections, half of them to /api, until the block ends."""
    seen = Load()
    stop = asyncio.Event()
    tasks = [asyncio.create_task(_client(base, rate / clients, seen, stop, n)) for n in range(clients)]
    try:
        yield seen
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _client(base: str, rate: float, seen: Load, stop: asyncio.Event, number: int) -> None:
    connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=60)
    path = "/api/charges" if number % 2 else "/charges"
    due = time.monotonic()
    async with aiohttp.ClientSession(base, connector=connector, trust_env=False) as session:
        while not stop.is_set():
            await _request(session, path, seen)
            due = max(due + 1 / rate, time.monotonic() - 0.1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _request(session: aiohttp.ClientSession, path: str, seen: Load) -> None:
    try:
        async with session.post(path, data=b"charge") as response:
            body = await response.json()
            if response.status == 200 and body["version"] == response.headers["X-Version"]:
                seen.answers.append((time.monotonic(), body["version"]))
            else:
                seen.failures.append(f"{response.status} {body}")
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        seen.failures.append(repr(error))
