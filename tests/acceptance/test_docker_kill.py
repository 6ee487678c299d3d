"""kill -9 of the bot at work on containers, and docker kill of their router: production serves, all ends well."""

import asyncio
from pathlib import Path

import pytest

from bot.demo.containers import Containers
from bot.demo.visitors import Visitors
from pipeline.states import ReleaseStatus
from tests.acceptance.small import Yard, open_yard
from tests.acceptance.town import DANA, PATIENCE, SAM
from tests.services.load import load

pytestmark = [pytest.mark.slow, pytest.mark.docker]

OUT = ("serve", "shift", "route", "promote", "route", "workers")
"""What the target does on the way out: prepare, the canary's share, the promotion. Each is killed as it begins."""
BACK = ("promote", "workers", "retire", "stop services")


async def kill_at(yard: Yard, steps: tuple[str, ...]) -> None:
    """Kill the bot each time such a step has begun, and start it again."""
    for step in steps:
        await yard.begun(step, known=len(yard.operations()))
        await yard.town.kill_bot()
        await yard.town.start_bot()


def handed_over(journal: list[str]) -> bool:
    """Whether each worker ended before the next one started: never two on one job."""
    pairs = zip(journal[::2], [*journal[1::2], "(runs)"], strict=False)
    return all(
        one.endswith("starts") and two in (one.replace("starts", "ends"), "(runs)") for one, two in pairs
    )


async def test_a_kill_in_each_step_loses_no_request_and_leaves_no_second_copy(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    async with open_yard(tmp_path / "town", Containers(engine, base_image)) as yard:
        town = yard.town
        async with load(town.url, rate=60) as users:
            await town.type(DANA, "/release", "v0.2.0")
            await town.approve()
            await kill_at(yard, OUT)
            await town.until(lambda shown: "watch" in shown.runs)
            assert yard.images("production", "v0.2.0") == yard.images("staging", "v0.2.0")
            await town.roll_back(SAM)
            await kill_at(yard, BACK)
            shown = await town.until(lambda shown: shown.release.finished_at is not None)
            await town.message("was rolled back")
            await users.more(20)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK, shown.runs
        assert users.failures == []
        assert users.answers[-1][1] == "v0.1.0"
        assert yard.places("production", dead=True) == ["blue-api", "blue-frontend", "blue-worker", "router"]
        assert handed_over(yard.journal()), yard.journal()


async def test_a_killed_router_serves_again_by_the_bot_or_by_the_next_one(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    async with open_yard(tmp_path / "town", Containers(engine, base_image)) as yard:
        async with Visitors(yard.town.url) as visitors:
            yard.kill("router")
            await more(visitors.failed, 1)
            await more(visitors.seen, 20)
            await yard.town.kill_bot()
            yard.kill("router")
            await more(visitors.failed, 1)
            await yard.town.start_bot()
            await more(visitors.seen, 20)
        assert yard.places("production", dead=True) == ["blue-api", "blue-frontend", "blue-worker", "router"]
        assert yard.journal() == ["v0.1.0 starts"]


async def more(kind: list[tuple[float, str]], count: int) -> None:
    """Wait until visitors have seen so many more of a kind."""
    known = len(kind)
    async with asyncio.timeout(PATIENCE):
        while len(kind) < known + count:
            await asyncio.sleep(0.01)
