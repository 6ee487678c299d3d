"""A release in containers goes out and comes back under users, some with slow requests: nobody sees an error."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot.demo.containers import Containers
from pipeline.states import ReleaseStatus
from tests.acceptance.town import DANA, PATIENCE, SAM
from tests.acceptance.yard import Yard, open_yard
from tests.services.load import Load, load

pytestmark = [pytest.mark.slow, pytest.mark.docker]

RATE = 300.0
"""Requests a second, on keep-alive connections: as a small test machine can bear beside the release."""
SLOW = 5
"""Seconds that a slow request takes: longer than anything that the release waits for before it stops a version."""


@dataclass
class Slow:
    """Clients that always have a request under way which takes its time. Times are of time.monotonic()."""

    base: str
    clients: int = 4
    begun: list[float] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """The versions that answered; another status than 200 in its place."""

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Ask until the block ends, and then wait for what is under way."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:  # a connection that breaks ends the test
            for _ in range(self.clients):
                group.create_task(self._ask(stop))
            yield
            stop.set()

    async def _ask(self, stop: asyncio.Event) -> None:
        async with aiohttp.ClientSession(self.base, trust_env=False) as session:
            while not stop.is_set():
                self.begun.append(time.monotonic())
                async with session.get("/api/slow", params={"seconds": SLOW}) as answer:
                    said = (await answer.json())["version"] if answer.status == 200 else str(answer.status)
                self.answers.append(said)

    async def renewed(self) -> None:
        """Wait until every request that is under way began after this call."""
        now = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while sum(at > now for at in self.begun) < self.clients:
                await asyncio.sleep(0.02)


async def test_nobody_sees_a_release_in_containers_come_and_go(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    async with open_yard(tmp_path / "town", Containers(engine, base_image), canary=6) as yard:
        url = yard.town.url
        slow = Slow(url)
        async with load(url, RATE, clients=12) as fast, slow.under_way():
            await _out(yard, fast)
            await slow.renewed()  # all of them are the new version's now, and it ends under them
            tested = yard.images("staging", "v0.2.0")
            assert yard.images("production", "v0.2.0") == tested
            assert set(tested) == {"api", "frontend", "worker"}
            await _back(yard, fast)
        print(f"{len(fast.answers)} answers, {len(slow.answers)} of them slow, {len(fast.failures)} failed")
        assert fast.failures == []
        assert set(slow.answers) == {"v0.1.0", "v0.2.0"}
        assert yard.places("production") == ["blue-api", "blue-frontend", "blue-worker", "router"]
        assert yard.journal() == [
            "v0.1.0 starts",
            "v0.1.0 ends",
            "v0.2.0 starts",
            "v0.2.0 ends",
            "v0.1.0 starts",
        ]


async def _out(yard: Yard, fast: Load) -> None:
    """A person asks, another approves, the canary takes its share, then the new version everything."""
    town = yard.town
    known = len(town.turns())
    await town.type(DANA, "/release", "v0.2.0")
    await town.approve()
    await town.until(lambda shown: "watch" in shown.runs)
    (_, began), (ended, _) = town.turns()[known:]
    shares = [version for at, version in fast.answers if began <= at <= ended]
    share = 100 * shares.count("v0.2.0") / len(shares)
    print(f"time to healthy: {yard.seconds('serve', slot='green'):.2f} s, under load")
    print(f"canary: {share:.1f} % of {len(shares)} answers")
    assert 7 <= share <= 13
    print(f"flip to v0.2.0: {1000 * yard.seconds('route', to='green'):.0f} ms")


async def _back(yard: Yard, fast: Load) -> None:
    """One form, and the version before has everything again: it was kept warm."""
    began = time.monotonic()
    await yard.town.roll_back(SAM)
    shown = await yard.town.until(lambda shown: shown.release.finished_at is not None)
    assert shown.release.status is ReleaseStatus.ROLLED_BACK, shown.runs
    assert shown.runs["switch-back"].facts["warm"]
    assert fast.versions(time.monotonic() - 0.5).keys() == {"v0.1.0"}
    print(
        f"flip back: {1000 * yard.seconds('route', to='blue'):.0f} ms; last answer of v0.2.0 "
        f"{fast.last('v0.2.0') - began:.2f} s after the form"
    )
