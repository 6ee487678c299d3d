"""A short storm on each database: one bot on SQLite, three on PostgreSQL. `make chaos` plays long ones."""

import os
from pathlib import Path

import pytest

from tests.chaos.run import Plan, play_seed

SEED = 7


def plan(folder: Path, database: str, url: str, bots: int) -> Plan:
    return Plan(SEED, database, url, folder, products=4, bots=bots, kills=3, least=1)


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_by_one_bot_that_is_killed(tmp_path: Path) -> None:
    report = await play_seed(plan(tmp_path, "sqlite", f"sqlite:///{tmp_path}/bot.db", 1))
    assert report.findings == [], os.linesep.join(report.details)
    assert report.happened["kill"] == 3


@pytest.mark.slow
@pytest.mark.postgres
async def test_nothing_is_lost_or_doubled_by_three_bots_that_are_killed(tmp_path: Path, shared: str) -> None:
    report = await play_seed(plan(tmp_path, "postgresql", shared, 3))
    assert report.findings == [], os.linesep.join(report.details)
    assert report.happened["kill"] == 3
