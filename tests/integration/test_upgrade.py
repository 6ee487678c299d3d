"""An upgrade in the middle of a release: it keeps the plan that it began with, and resumes by name."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import update

from handlers.blocks.card import card
from pipeline.models import Release, StageRun
from pipeline.playbook import planned
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import House, open_house

FUTURE = "warm-up"
"""A stage of a version of the bot that is not this one."""


async def replan(house: House, release_id: str, plan: list[Any]) -> None:
    async with house.db.transaction() as session:
        await session.execute(update(Release).where(Release.id == release_id).values(plan=plan))


async def planned_by_another_version(house: House) -> str:
    """A release that waits at its checklist, with a stage in its plan that this version does not have."""
    release = await house.start()
    shown = await house.waits_for(release.id, "checklist")
    plan: list[Any] = [list(stage) for stage in shown.release.plan]
    at = next(number for number, (name, _) in enumerate(plan) if name == "approval")
    plan[at][1] = [FUTURE]
    plan.insert(at, [FUTURE, ["checklist"]])
    await replan(house, release.id, plan)
    return release.id


async def test_an_unknown_stage_parks_the_release_and_says_so(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release_id = await planned_by_another_version(house)
        await house.tick_all(release_id)
        shown = await house.waits_for(release_id, FUTURE)
        assert shown.runs[FUTURE].code == "unknown_stage"
        assert "approval" not in shown.runs
        message = card(shown, house.config.products["shop"])
        assert "run the version that started it" in str(message.blocks)


async def test_the_version_that_knows_the_stage_goes_on_by_itself(tmp_path: Path, url: str) -> None:
    """The name in the database becomes one that is known: what the other version would find at its start."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release_id = await planned_by_another_version(house)
        await house.tick_all(release_id)
        shown = await house.waits_for(release_id, FUTURE)
        await replan(
            house, release_id, json.loads(json.dumps(shown.release.plan).replace(FUTURE, "baseline"))
        )
        async with house.db.transaction() as session:
            await session.execute(update(StageRun).where(StageRun.name == FUTURE).values(name="baseline"))
        house.world.pass_time(minutes=1)
        house.nudge()
        shown = await house.waits_for(release_id, "approval")
        assert shown.runs["baseline"].status is StageStatus.SUCCEEDED


async def test_a_release_keeps_the_plan_that_it_began_with(tmp_path: Path, url: str) -> None:
    """A version without some later stages began it: they are not run, and it succeeds."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.waits_for(release.id, "checklist")
        without = [stage for stage in shown.release.plan if stage[0] not in ("watch", "after", "retire")]
        await replan(house, release.id, without)
        await house.tick_all(release.id)
        await house.waits_for(release.id, "approval")
        await house.approve(release.id)
        await house.through_canary(release.id)
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.SUCCEEDED
        assert set(shown.runs) == {name for name, _ in planned("release")} - {"watch", "after", "retire"}
