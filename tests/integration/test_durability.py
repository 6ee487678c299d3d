"""Trouble at each point: what is no verdict on the release does not send it back, and nothing stays stuck."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from pipeline import deciding, lease, turning
from pipeline.models import Lock, Release
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import DANA, SAM, House, open_house
from tests.mortal import open_mortal_house


async def in_production(house: House) -> str:
    await house.adopt()
    release = await house.start()
    await house.to_watch(release.id)
    return release.id


async def write(house: House, release_id: str, **columns: Any) -> None:
    """What another version of the bot left in the release's row."""
    async with house.db.transaction() as session:
        await session.execute(update(Release).where(Release.id == release_id).values(columns))


async def test_logs_that_cannot_be_read_ask_a_person(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        house.world.failing.add("logs")
        house.world.pass_time(minutes=11)
        house.nudge()
        shown = await house.until(
            release,
            lambda s: s.runs["watch"].code == "trouble" and s.release.status is ReleaseStatus.WAITING,
        )  # not before the announcement, which is made beside the watch, has ended too
        house.world.failing.clear()
        await deciding.settle(house.service, DANA, release, shown.runs["watch"].id, "again", house.click())
        await house.until(release, lambda s: s.runs["watch"].code == "watching")
        assert house.world.done("promote")[-1] == ("promote", "production", "v0.2.0")


async def test_a_previous_version_that_does_not_stop_is_no_reason_to_go_back(
    tmp_path: Path, url: str
) -> None:
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        house.world.failing.add("retire-production")
        house.world.pass_time(minutes=31)
        house.nudge()
        await house.waits_for(release, "after")
        await house.tick_all(release)
        shown = await house.until(
            release, lambda s: "retire" in s.runs and s.runs["retire"].code == "trouble"
        )
        assert shown.release.status is ReleaseStatus.WAITING
        house.world.failing.clear()
        await deciding.settle(house.service, DANA, release, shown.runs["retire"].id, "again", house.click())
        assert (await house.ended(release)).release.status is ReleaseStatus.SUCCEEDED


async def test_the_way_back_goes_past_a_dead_router(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        house.world.failing.add("router-production")
        await turning.roll_back(house.service, SAM, release, "down", True, house.click())
        assert (await house.ended(release)).release.status is ReleaseStatus.ROLLED_BACK


def tried(times: int) -> Callable[[Snapshot], bool]:
    """Whether the switch back has failed this often and will be tried again."""
    return lambda s: "switch-back" in s.runs and s.runs["switch-back"].data.get("tries") == times


async def fail_back(house: House, release: str, times: int) -> Snapshot:
    """Ask for the way back, which fails; let time pass after each try."""
    house.world.failing.add("prepare-production")
    await turning.roll_back(house.service, SAM, release, "down", True, house.click())
    for number in range(1, times + 1):
        shown = await house.until(release, tried(number))
        house.world.pass_time(minutes=1)
        house.nudge()
    return shown


async def test_the_way_back_is_tried_again(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        shown = await fail_back(house, release, 2)
        assert shown.release.status is ReleaseStatus.ROLLING_BACK
        house.world.failing.clear()
        house.world.pass_time(minutes=1)
        house.nudge()
        assert (await house.ended(release)).release.status is ReleaseStatus.ROLLED_BACK


async def test_a_way_back_that_is_given_up_leaves_a_lock_with_its_reason(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        await fail_back(house, release, 3)
        shown = await house.ended(release)
        assert shown.release.status is ReleaseStatus.FAILED
        assert shown.runs["switch-back"].status is StageStatus.FAILED
        assert shown.lock is not None
        assert (shown.lock.release_id, "down" in shown.lock.reason) == (None, True)


async def test_a_playbook_of_another_version_parks_the_release(tmp_path: Path, url: str) -> None:
    """Not a failure: production would be sent back, by a bot that cannot read how."""
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        playbook = (await house.service.snapshot(release)).release.playbook
        await write(house, release, playbook={"product": "shop", "future": 1})
        house.world.pass_time(minutes=11)
        house.nudge()
        shown = await house.until(release, lambda s: s.runs["watch"].code == "trouble")
        assert "another version" in shown.runs["watch"].facts["error"]
        await write(house, release, playbook=playbook)
        house.world.pass_time(minutes=1)
        house.nudge()
        await house.until(release, lambda s: s.runs["watch"].code == "watching")


async def test_a_release_that_breaks_the_worker_is_not_tried_in_a_circle(tmp_path: Path, url: str) -> None:
    """The lease is the pause before the next try."""
    async with open_house(tmp_path, url) as house:
        release = await in_production(house)
        plan = (await house.service.snapshot(release)).release.plan
        await house.stop_engines()
        await write(house, release, plan=[["no needs"]], wake_at=house.world.now)
        house.start_engine("two", seconds=1.0)
        broken = await house.until(release, lambda s: s.release.owner == "two")
        began = time.monotonic()
        await house.until(release, lambda s: s.release.epoch > broken.release.epoch)
        assert time.monotonic() - began > 0.5
        await write(house, release, plan=plan)
        await house.waits_for(release, "watch")


async def test_a_worker_whose_lease_was_taken_ends_and_the_new_owner_does_its_work(
    tmp_path: Path, url: str
) -> None:
    """The lease is lost while a stage runs in this very process: it ends, and the new owner does the work."""
    async with open_mortal_house(tmp_path, url) as house:
        await house.adopt()
        house.world.slow.add("test-unit")
        release = await house.start()
        await house.until(release.id, lambda s: ("command", "test-unit") in house.world.journal)
        await lease.free_all(house.db)
        house.nudge()
        house.processes[0].engine.nudge()
        await house.until(release.id, lambda s: s.runs["test"].epoch == 2)
        house.world.release_slow.set()
        shown = await house.waits_for(release.id, "checklist")
        assert shown.runs["test"].generation == 1
        assert house.world.done("promote")[-1] == ("promote", "staging", "v0.2.0")


async def test_a_stop_in_the_middle_of_a_stage_gives_the_lease_back_at_once(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.slow.add("test-unit")
        release = await house.start()
        await house.until(release.id, lambda s: ("command", "test-unit") in house.world.journal)
        await house.stop_engines()
        shown = await house.service.snapshot(release.id)
        assert (shown.release.owner, shown.runs["test"].status) == (None, StageStatus.RUNNING)
        house.world.release_slow.set()
        house.start_engine("two")
        await house.waits_for(release.id, "checklist")


async def test_two_bots_share_the_work_and_do_nothing_twice(tmp_path: Path, url: str) -> None:
    async with open_mortal_house(tmp_path, url) as house:
        house.start_engine("two")
        await house.adopt()
        release = await house.start()
        shown = await house.to_end(release.id)
        assert shown.release.status is ReleaseStatus.SUCCEEDED
        acts = [
            entry
            for entry in house.world.journal
            if entry[0] in ("promote", "shift", "tag", "migrate", "retire")
        ]
        assert len(acts) == len(set(acts))


async def test_a_rolled_back_release_keeps_the_lock_when_another_wants_it(tmp_path: Path, url: str) -> None:
    """A rollback and a new release at once: one of them is refused, whichever came second."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_end(release.id)
        await asyncio.gather(
            turning.roll_back(house.service, SAM, release.id, "slow", True, house.click()),
            house.start("v0.3.0"),
            return_exceptions=True,
        )
        async with house.db.reading() as session:
            lock = await session.scalar(select(Lock))
            active = await session.scalars(select(Release).where(Release.finished_at.is_(None)))
            assert lock is not None
            assert len(list(active)) <= 1
