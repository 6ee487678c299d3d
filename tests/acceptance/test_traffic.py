"""Users under way while the product is released and rolled back: nobody sees an error, one in ten sees the canary."""

from pathlib import Path

import pytest

from bot.demo.visitors import Visitors
from pipeline.states import ReleaseStatus
from tests.acceptance.small import prepare_small
from tests.acceptance.town import DANA, SAM, open_town

RATE = 250.0
"""Requests a second, on keep-alive connections: some hundred, as a test machine can bear beside the release."""


LATE = 0.5
"""Seconds after a turn of the router in which the answers of what it was asked before may still arrive."""


@pytest.mark.slow
async def test_no_request_fails_from_deploy_to_rollback(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town", canary=6, watch=600, lay=prepare_small) as town:
        await town.type(DANA, "/release", "v0.2.0")
        await town.message("Approval needed")
        async with Visitors(town.url, clients=20, rate=RATE) as visitors:
            known = len(town.turns())
            await town.approve()
            await town.until(lambda shown: "watch" in shown.runs)
            await town.roll_back(SAM)
            shown = await town.until(lambda shown: shown.release.finished_at is not None)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK, shown.runs
        assert visitors.failed == []
        canary, promotion, back = town.turns()[known:]
        assert visitors.shares(until=canary[0]) == {"v0.1.0": 100.0}
        assert sum(canary[1] <= at <= promotion[0] for at, _ in visitors.seen) > 500
        share = visitors.shares(canary[1], promotion[0])
        assert 8 <= share["v0.2.0"] <= 12, share
        assert visitors.shares(promotion[1] + LATE, back[0]) == {"v0.2.0": 100.0}
        assert visitors.shares(since=back[1] + LATE) == {"v0.1.0": 100.0}
