"""A request that is carried out twice (taken over after its effect) never finds the next release or the next lock."""

from pathlib import Path

from pipeline import turning
from pipeline.intake import Intake
from pipeline.states import ReleaseStatus
from tests.house import DANA, LEE, SAM, House, open_house


async def stored(house: House, origin: str) -> str:
    """A request as it came through Slack: in the inbox, and acknowledged."""
    assert await Intake(house.db, "dead", house.world.clock).receive("command", origin, {}) is not None
    return origin


async def test_an_abort_carried_out_again_leaves_the_next_release_alone(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        unwanted = await house.start("v0.2.0")
        origin = await stored(house, "command stop it")
        await turning.abort(house.service, DANA, unwanted.id, "", origin)
        await house.ended(unwanted.id)
        wanted = await house.start("v0.3.0")
        await turning.abort(house.service, DANA, wanted.id, "", origin)
        shown = await house.waits_for(wanted.id, "checklist")
        assert shown.release.turn_to is None
        await turning.abort(
            house.service, DANA, wanted.id, "", await stored(house, "command stop this one too")
        )
        assert (await house.ended(wanted.id)).release.status is ReleaseStatus.CANCELLED


async def test_an_unlocking_carried_out_again_leaves_the_next_lock_alone(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        origin = await stored(house, "command unlock")
        for version in ("v0.2.0", "v0.3.0"):
            release = await house.start(version)
            await house.to_watch(release.id)
            await turning.roll_back(house.service, SAM, release.id, "orders are lost", True, house.click())
            shown = await house.ended(release.id)
            opened = await turning.unlock(house.service, LEE, "shop", origin)
            assert (opened is None) is (version == "v0.3.0")
        assert shown.lock is not None
