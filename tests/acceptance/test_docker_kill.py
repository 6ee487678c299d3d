"""kill -9 of the bot at work on containers, and docker kill of their router: production serves, all ends well."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.demo.containers import Containers
from bot.demo.visitors import Visitors
from pipeline.states import ReleaseStatus
from tests.acceptance.town import DANA, PATIENCE, SAM
from tests.acceptance.yard import Yard, open_yard
from tests.sampling import sample
from tests.services.load import load

pytestmark = [pytest.mark.slow, pytest.mark.docker]

OUT = sample(("serve", "shift", "route", "promote", "route", "workers"), every=2)
"""What the target does on the way out: prepare, the canary's share, the promotion. Each is killed as it begins."""
AT_THE_END = ["blue-api", "blue-frontend", "blue-worker", "router"]
BACK = sample(("promote", "workers", "retire", "stop services"), every=2)


async def kill_at(yard: Yard, steps: Sequence[str]) -> None:
    """Kill the bot each time such a step has begun, and start it again."""
    for step in steps:
        await yard.begun(step, known=len(yard.town.operations()))
        await yard.town.kill_bot()
        await yard.town.start_bot()


def handed_over(journal: list[str]) -> bool:
    """Whether each worker ended before the next one started: never two on one job."""
    pairs = zip(journal[::2], [*journal[1::2], "(runs)"], strict=False)
    return all(
        one.endswith("starts") and two in (one.replace("starts", "ends"), "(runs)") for one, two in pairs
    )


async def test_kills_lose_no_request_and_leave_no_second_copy(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    async with open_yard(tmp_path / "town", Containers(engine, base_image)) as yard:
        await _kill_the_bot_at_work(yard)
        assert yard.places("production", dead=True) == AT_THE_END
        assert handed_over(yard.journal()), yard.journal()
        said = yard.journal()
        await _kill_the_router(yard)
        assert yard.places("production", dead=True) == AT_THE_END
        assert yard.journal() == said


async def _kill_the_bot_at_work(yard: Yard) -> None:
    """In each step of a release and of its way back; nobody sees an error."""
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


async def _kill_the_router(yard: Yard) -> None:
    """The bot starts it again; the next bot does, where it died while there was none."""
    async with Visitors(yard.town.url) as visitors:
        yard.kill("router")
        await more(visitors.failed, 1)
        await more(visitors.seen, 20)
        await yard.town.kill_bot()
        yard.kill("router")
        await more(visitors.failed, 1)
        await yard.town.start_bot()
        await more(visitors.seen, 20)


async def more(kind: list[tuple[float, str]], count: int) -> None:
    """Wait until visitors have seen so many more of a kind."""
    known = len(kind)
    async with asyncio.timeout(PATIENCE):
        while len(kind) < known + count:
            await asyncio.sleep(0.01)
