"""Users under way while the product is released and rolled back: nobody sees an error, one in ten sees the canary."""

import time
from pathlib import Path

import pytest

from bot.demo.visitors import Visitors
from pipeline.states import ReleaseStatus
from tests.acceptance.town import DANA, SAM, Town, open_town

RATE = 250.0
"""Requests a second, on keep-alive connections: some hundred, as a test machine can bear beside the release."""


async def canary_began(town: Town) -> float:
    await town.until(lambda shown: "canary" in shown.runs and shown.runs["canary"].code == "canary_holding")
    return time.monotonic()


@pytest.mark.slow
async def test_no_request_fails_from_deploy_to_rollback(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town", canary=12, watch=600) as town:
        await town.type(DANA, "/release", "v0.2.0")
        await town.message("Checklist before")
        await town.tick_all(DANA, "Checklist before")
        await town.message("Approval needed")
        async with Visitors(town.url, clients=20, rate=RATE) as visitors:
            await town.approve()
            began = await canary_began(town)
            await town.until(lambda shown: shown.runs["canary"].code == "canary_passed")
            ended = time.monotonic()
            await town.until(lambda shown: "watch" in shown.runs)
            await town.roll_back(SAM)
            shown = await town.until(lambda shown: shown.release.finished_at is not None)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK, shown.runs
        assert visitors.failed == []
        assert len(visitors.seen) > 2000
        share = visitors.shares(began + 0.5, ended - 0.5)
        assert 8 <= share["v0.2.0"] <= 12, share
        assert visitors.seen[-1][1] == "v0.1.0"
        assert visitors.shares(until=began - 1) == {"v0.1.0": 100.0}
