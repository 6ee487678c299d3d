"""Visitors: people who use the product while it is released, and notice which version answered."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

PATH = "/api/version"


@dataclass
class Visitors:
    """Keep-alive clients that ask the product for its version again and again."""

    url: str
    clients: int = 4
    rate: float = 20.0
    seen: list[tuple[float, str]] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> "Visitors":
        self._tasks = [asyncio.create_task(self._visit()) for _ in range(self.clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _visit(self) -> None:
        connector = TCPConnector(limit=1)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=10)) as session:
            while True:
                await self._ask(session)
                await asyncio.sleep(self.clients / self.rate)

    async def _ask(self, session: ClientSession) -> None:
        try:
            async with session.get(self.url + PATH) as answer:
                body = await answer.json() if answer.status == 200 else {}
        except (ClientError, TimeoutError, ValueError) as error:
            self.failed.append((time.monotonic(), repr(error)))
            return
        if "version" in body:
            self.seen.append((time.monotonic(), body["version"]))
        else:
            self.failed.append((time.monotonic(), f"status {answer.status}"))

    def shares(self, since: float = 0.0, until: float = float("inf")) -> dict[str, float]:
        """The part of the answers that each version gave, in percent, between two monotonic times."""
        counted = Counter(version for at, version in self.seen if since <= at <= until)
        total = sum(counted.values()) or 1
        return {version: 100 * number / total for version, number in counted.items()}

    def last(self, version: str) -> float | None:
        """When this version answered last."""
        return max((at for at, seen in self.seen if seen == version), default=None)

    def first_after(self, version: str, since: float) -> float | None:
        """When this version answered first after a time."""
        return min((at for at, seen in self.seen if seen == version and at >= since), default=None)
