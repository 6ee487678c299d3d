"""A release that failed before production is tried again from where it failed; steps are skipped; canaries paused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline import retrying
from pipeline.errors import Refused
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import DANA, LEE, SAM, House, open_house
from tests.world import PLAYBOOK

SKIPPABLE = 'skippable = ["staging-checks", "checklist"]\n' + PLAYBOOK


async def failed(house: House, command: str) -> str:
    """A release that failed at a command, before production."""
    house.world.failing.add(command)
    release = await house.start()
    if command == "canary-smoke":
        await house.to_approval(release.id)
        await house.approve(release.id)
    await house.ended(release.id)
    house.world.failing.clear()
    return release.id


async def retry(house: House, release_id: str) -> None:
    await retrying.retry(house.service, DANA, release_id, house.click())


def ran(house: House, name: str) -> int:
    return sum(entry == ("command", name) for entry in house.world.journal)


async def test_it_goes_on_from_the_stage_that_failed(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await failed(house, "staging-smoke")
        await retry(house, release)
        shown = await house.to_end(release)
        assert shown.release.status is ReleaseStatus.SUCCEEDED
        assert (ran(house, "test-unit"), ran(house, "staging-smoke")) == (1, 2)
        assert shown.runs["staging-checks"].generation == 2
        assert shown.runs["staging"].generation == 1
        assert shown.lock is None


async def test_what_cleaning_up_has_undone_is_done_again(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.revision = "2"
        release = await failed(house, "canary-smoke")
        shown = await house.service.snapshot(release)
        assert shown.runs["clean-up"].facts["migration"] == "migration_undone"
        await retry(house, release)
        await house.through_canary(release)
        shown = await house.waits_for(release, "watch")
        again = {name for name, run in shown.runs.items() if run.generation == 2}
        assert again == {"backup", "migrate", "canary"}
        assert house.world.done("migrate")[-1] == ("migrate", "production", "2")


async def test_it_may_fail_again_and_be_tried_again(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        release = await failed(house, "test-unit")
        house.world.failing.add("test-unit")
        await retry(house, release)
        shown = await house.until(
            release, lambda s: s.release.status is ReleaseStatus.FAILED and s.runs["test"].generation == 2
        )
        assert shown.runs["clean-up"].generation == 2
        house.world.failing.clear()
        await retry(house, release)
        shown = await house.waits_for(release, "checklist")
        assert shown.runs["test"].generation == 3


async def code(house: House, release_id: str, stage: str | None = None, reason: str = "why") -> str:
    asked = (
        retrying.skip(house.service, LEE, release_id, stage, reason, house.click())
        if stage
        else retry(house, release_id)
    )
    with pytest.raises(Refused) as refused:
        await asked
    return refused.value.code


async def test_what_cannot_be_tried_again(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        first = await house.adopt()
        assert await code(house, first.id) == "nothing_to_retry"
        release = await failed(house, "test-unit")
        with pytest.raises(Refused, match="may_not_start"):
            await retrying.retry(house.service, SAM, release, house.click())
        house.world.side.add("b" * 40)
        assert await code(house, release) == "not_on_main"
        house.world.side.clear()
        house.world.pass_time(minutes=1)
        newer = await house.start("v0.3.0")
        assert await code(house, release) in ("already_running", "newer_has_begun")
        await house.waits_for(newer.id, "checklist")
        assert await code(house, newer.id) == "nothing_to_retry"


async def test_the_same_request_twice_is_one_attempt(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        release = await failed(house, "test-unit")
        for _ in range(2):
            await retrying.retry(house.service, DANA, release, "the same click")
        shown = await house.waits_for(release, "checklist")
        assert shown.runs["test"].generation == 2


async def test_a_failed_step_is_skipped_with_a_reason_where_the_playbook_allows_it(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.playbook = SKIPPABLE
        await house.adopt()
        release = await failed(house, "staging-smoke")
        assert await code(house, release, "test") == "not_skippable"
        assert await code(house, release, "staging-checks", " ") == "reason_missing"
        with pytest.raises(Refused, match="may_not_override"):
            await retrying.skip(house.service, SAM, release, "staging-checks", "x", house.click())
        await retrying.skip(house.service, LEE, release, "staging-checks", "the test is wrong", house.click())
        shown = await house.waits_for(release, "checklist")
        run = shown.runs["staging-checks"]
        assert run.status is StageStatus.SKIPPED
        assert run.facts == {"by": "U0LEE", "reason": "the test is wrong"}
        assert ran(house, "staging-smoke") == 1


async def test_a_step_that_waits_is_skipped(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.playbook = SKIPPABLE
        await house.adopt()
        release = await house.start()
        await house.waits_for(release.id, "checklist")
        assert await code(house, release.id, "staging-checks") == "not_to_be_skipped_now"
        await retrying.skip(house.service, LEE, release.id, "checklist", "at night", house.click())
        shown = await house.waits_for(release.id, "approval")
        assert shown.runs["checklist"].code == "skipped_by"


async def at_canary(house: House) -> Snapshot:
    await house.adopt()
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    return await house.waits_for(release.id, "canary")


async def test_a_paused_canary_is_held_for_the_time_that_was_left(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = (await at_canary(house)).release.id
        house.world.pass_time(minutes=2)
        await retrying.pause(house.service, SAM, release, "looks odd", house.click())
        shown = await house.until(release, lambda s: s.runs["canary"].code == "canary_paused")
        assert shown.runs["canary"].facts == {"share": 10, "by": "U0SAM", "reason": "looks odd"}
        house.world.pass_time(hours=5)
        house.nudge()
        await house.until(release, lambda s: (s.runs["canary"].due_at or house.world.now) > house.world.now)
        assert house.world.done("promote")[-1] != ("promote", "production", "v0.2.0")
        with pytest.raises(Refused, match="may_not_start"):
            await retrying.resume(house.service, SAM, release, house.click())
        await retrying.resume(house.service, DANA, release, house.click())
        shown = await house.until(release, lambda s: s.runs["canary"].code == "canary_holding")
        left = datetime.fromtimestamp(shown.runs["canary"].facts["until"], UTC) - house.world.now
        assert left.total_seconds() == 180
        house.world.pass_time(minutes=4)
        house.nudge()
        await house.waits_for(release, "watch")


async def test_a_paused_canary_that_goes_wrong_goes_back(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        release = (await at_canary(house)).release.id
        await retrying.pause(house.service, SAM, release, "", house.click())
        await house.until(release, lambda s: s.runs["canary"].code == "canary_paused")
        house.world.log_lines.append("CRITICAL ledger: out of balance")
        house.world.pass_time(minutes=11)
        house.nudge()
        assert (await house.ended(release)).release.status is ReleaseStatus.ROLLED_BACK


async def test_what_cannot_be_paused(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        shown = await at_canary(house)
        with pytest.raises(Refused, match="not_paused"):
            await retrying.resume(house.service, DANA, shown.release.id, house.click())
        await retrying.pause(house.service, DANA, shown.release.id, "", house.click())
        await house.until(shown.release.id, lambda s: s.runs["canary"].code == "canary_paused")
        with pytest.raises(Refused, match="already_paused"):
            await retrying.pause(house.service, DANA, shown.release.id, "", house.click())
        house.world.pass_time(minutes=1)
        await retrying.resume(house.service, DANA, shown.release.id, house.click())
        await house.until(shown.release.id, lambda s: s.runs["canary"].code == "canary_holding")
        await house.through_canary(shown.release.id)
        await house.waits_for(shown.release.id, "watch")
        with pytest.raises(Refused, match="no_canary"):
            await retrying.pause(house.service, DANA, shown.release.id, "", house.click())
