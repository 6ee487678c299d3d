"""The metrics from the bot's own database: what releases leave behind, and how long it takes to read."""

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, select

from pipeline import turning
from pipeline.metrics import metrics
from pipeline.models import Deployment, Release
from tests.house import DANA, House, open_house

MANY = 10_000


async def test_a_release_leaves_its_lead_time_and_a_rollback_the_time_to_restore(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        made = int(house.world.now.timestamp()) - 3600
        house.world.commits = [
            {
                "id": f"{number:040x}",
                "message": "feat: it",
                "group": "Added",
                "committer": {"timestamp": made},
            }
            for number in range(3)
        ]
        await house.adopt()
        release = await house.start()
        await house.to_watch(release.id)
        found = await metrics(house.service, "shop", 7)
        assert (found.deployments, found.reached, found.failed, found.restore) == (1, 1, 0, None)
        assert found.lead == 3600 + 6 * 60
        house.world.pass_time(minutes=10)
        await turning.roll_back(house.service, DANA, release.id, "broken", True, house.click())
        await house.ended(release.id)
        found = await metrics(house.service, "shop", 7)
        assert (found.deployments, found.failure_rate, found.restore) == (1, 1.0, 16 * 60)
        house.world.pass_time(days=8)
        assert (await metrics(house.service, "shop", 7)).reached == 0


async def _fill(house: House) -> None:
    """Ten thousand releases of a year."""
    async with house.db.transaction() as session:
        one = await session.scalar(select(Release))
        assert one is not None
        row = {column.key: getattr(one, column.key) for column in Release.__mapper__.column_attrs}
        ids = [f"old-{number:06}" for number in range(MANY)]
        await session.execute(insert(Release), [
            row | {"id": id_, "origin": id_, "direction": "release"} for id_ in ids
        ])  # fmt: skip
        now = house.world.now
        await session.execute(insert(Deployment), [
            {
                "product": "shop", "environment": "production", "release_id": id_, "cause": id_, "version": "v1",
                "kind": "release", "at": now - timedelta(minutes=50 * number), "lead_seconds": 60.0 * number,
            }
            for number, id_ in enumerate(ids)
        ])  # fmt: skip


async def test_ten_thousand_releases_are_read_in_no_time(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        await _fill(house)
        began = time.perf_counter()
        found = await metrics(house.service, "shop", 3650)
        took = time.perf_counter() - began
        print(f"\nmetrics of {MANY} releases: {took * 1000:.0f} ms")
        assert found.deployments == MANY
        assert found.lead == 60 * (MANY - 1) / 2
        assert took < 2
