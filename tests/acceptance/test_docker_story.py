"""A release in containers goes out and comes back under users, some with slow requests: nobody sees an error."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.demo.containers import Containers
from pipeline.states import ReleaseStatus
from tests.acceptance.small import Yard, open_yard
from tests.acceptance.town import DANA, SAM
from tests.services.load import Load, load

pytestmark = [pytest.mark.slow, pytest.mark.docker]

RATE = 300.0
"""Requests a second, on keep-alive connections: as a small test machine can bear beside the release."""
SLOW = 5
"""Seconds that a slow request takes: longer than anything that the release waits for before it stops a version."""


@asynccontextmanager
async def slow_requests(base: str, clients: int = 4) -> AsyncIterator[list[str]]:
    """Clients that always have a request under way which takes its time; gives the versions that answered."""
    seen: list[str] = []
    stop = asyncio.Event()

    async def client() -> None:
        async with aiohttp.ClientSession(base, trust_env=False) as session:
            while not stop.is_set():
                async with session.get("/api/slow", params={"seconds": SLOW}) as answer:
                    seen.append(
                        (await answer.json())["version"] if answer.status == 200 else str(answer.status)
                    )

    async with asyncio.TaskGroup() as group:  # a connection that breaks ends the test
        for _ in range(clients):
            group.create_task(client())
        yield seen
        stop.set()


async def test_nobody_sees_a_release_in_containers_come_and_go(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    async with open_yard(tmp_path / "town", Containers(engine, base_image), canary=6) as yard:
        url = yard.town.url
        async with load(url, RATE, clients=12) as fast, slow_requests(url) as slow:
            await _out(yard, fast)
            tested = yard.images("staging", "v0.2.0")
            assert yard.images("production", "v0.2.0") == tested
            assert set(tested) == {"api", "frontend", "worker"}
            await _back(yard, fast)
        print(f"{len(fast.answers)} answers, {len(slow)} of them slow, {len(fast.failures)} failed")
        assert fast.failures == []
        assert set(slow) == {"v0.1.0", "v0.2.0"}
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
    await town.type(DANA, "/release", "v0.2.0")
    await town.approve()
    await town.until(lambda shown: "canary" in shown.runs and shown.runs["canary"].code == "canary_holding")
    print(f"time to healthy: {yard.seconds('serve', slot='green'):.2f} s, under load")
    began = time.monotonic()
    await town.until(lambda shown: shown.runs["canary"].code == "canary_passed")
    shares = [version for at, version in fast.answers if began + 0.5 <= at <= time.monotonic() - 0.5]
    share = 100 * shares.count("v0.2.0") / len(shares)
    print(f"canary: {share:.1f} % of {len(shares)} answers")
    assert 7 <= share <= 13
    await town.until(lambda shown: "watch" in shown.runs)
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
