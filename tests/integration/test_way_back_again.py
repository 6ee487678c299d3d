"""A way back that did not finish is no dead end: it is tried again from where it failed, by whoever may roll back."""

from pathlib import Path

import pytest

from handlers.text import ids
from pipeline import turning
from pipeline.errors import Refused
from pipeline.models import Release
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import LEE, SAM, House, open_house
from tests.slack_house import SAM as SAM_IN_SLACK
from tests.slack_house import open_slack_house, reasoned


async def stuck(house: House, failing: str = "rollback-smoke") -> Snapshot:
    """v0.2.0 with a migration, on a way back that failed."""
    await house.adopt()
    house.world.revision = "2"
    release = await house.start()
    await house.to_watch(release.id)
    house.world.failing.add(failing)
    await back(house, release.id)
    return await house.ended(release.id)


async def back(house: House, release_id: str) -> None:
    await turning.roll_back(house.service, SAM, release_id, "orders are lost", True, house.click())


async def test_a_way_back_that_failed_goes_on_where_it_failed(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        first = await stuck(house)
        assert first.release.status is ReleaseStatus.FAILED
        assert first.lock is not None
        assert first.lock.reason.startswith("the rollback of v0.2.0 did not finish")
        house.world.failing.clear()
        before = len(house.world.journal)
        found = await house.service.current("shop")
        assert found is not None
        await back(house, found.release.id)
        again = await house.until(found.release.id, lambda s: s.release.status is ReleaseStatus.ROLLED_BACK)
        assert house.world.journal[before:] == [("command", "rollback-smoke")]
        assert (again.runs["verify-back"].generation, again.runs["switch-back"].generation) == (2, 1)
        assert again.lock is not None
        assert again.lock.release_id is None


async def test_a_way_back_may_fail_again_and_again(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = (await stuck(house)).release
        for generation in (2, 3):
            await back(house, release.id)
            shown = await house.until(release.id, lambda s, g=generation: _failed(s, g))  # type: ignore[misc]  # lambda with a default
            assert shown.release.status is ReleaseStatus.FAILED


def _failed(shown: Snapshot, generation: int) -> bool:
    run = shown.runs["verify-back"]
    return (run.status, run.generation) == (StageStatus.FAILED, generation) and shown.release.owner is None


async def test_a_way_back_stuck_in_the_canary_is_what_a_rollback_is_about(tmp_path: Path, url: str) -> None:
    """v0.1.0 is what went live last; to roll that one back is the last thing that anybody wants at night."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.approve(release.id)
        await house.waits_for(release.id, "canary")
        house.world.failing.add("rollback-smoke")
        await back(house, release.id)
        await house.ended(release.id)
        offered = await turning.way_back(house.service, SAM, "shop")
        assert (offered.release.version, offered.to.version) == ("v0.2.0", "v0.1.0")


async def test_the_way_back_is_closed_once_another_release_has_touched_production(
    tmp_path: Path, url: str
) -> None:
    async with open_house(tmp_path, url) as house:
        release = (await stuck(house)).release
        house.world.failing.clear()
        await turning.unlock(house.service, LEE, "shop")
        await house.to_watch((await begun_later(house)).id)
        with pytest.raises(Refused, match="out_of_date"):
            await back(house, release.id)


async def begun_later(house: House) -> Release:
    house.world.pass_time(seconds=1)
    return await house.start("v0.3.0")


async def test_one_request_is_one_try(tmp_path: Path, url: str) -> None:
    """Carried out a second time after its effect, it must not begin the next try."""
    async with open_house(tmp_path, url) as house:
        release = (await stuck(house)).release
        await turning.roll_back(house.service, SAM, release.id, "again", True, "one click")
        await house.until(release.id, lambda s: _failed(s, 2))
        await turning.roll_back(house.service, SAM, release.id, "again", True, "one click")
        assert (await house.service.snapshot(release.id)).release.turn_to is None


async def test_people_are_told_what_failed_and_have_a_button(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        shown = await house.slack_to_watch()
        house.world.failing.add("rollback-smoke")
        await house.slack_roll_back()
        told = await house.message("The rollback of shop v0.2.0 did not finish")
        assert "smoke after the rollback" in told.text
        assert "Next: deal with what failed, then try the way back again" in told.text
        assert "serves v0.1.0" in str(told.blocks)
        await house.quiet()
        assert "Try the way back again" in str((await house.message("Release shop v0.2.0")).blocks)
        house.world.failing.clear()
        await house.press(SAM_IN_SLACK, told, ids.ROLLBACK)
        form = await house.form(SAM_IN_SLACK)
        await house.sandbox.submit(SAM_IN_SLACK, form.id, reasoned("The disk was full."))
        done = await house.message("shop v0.2.0 was rolled back to v0.1.0")
        assert done.ts == told.ts
        await house.until(shown.release.id, lambda s: s.release.status is ReleaseStatus.ROLLED_BACK)
