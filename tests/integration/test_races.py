"""People and the engine at the same moment: whoever came first counts, and nothing gets stuck."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pipeline import deciding, turning
from pipeline.errors import Refused
from pipeline.models import Release, StageRun
from pipeline.ports import Person
from pipeline.states import ReleaseStatus
from tests.house import DANA, KIM, LEE, SAM, House, open_house


async def test_an_abort_during_the_canarys_smoke_test_is_kept(tmp_path: Path, url: str) -> None:
    """Accepted before production was touched: the canary, already under way, must not take traffic."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.slow.add("canary-smoke")
        release = await house.start()
        await house.to_approval(release.id)
        await house.approve(release.id)
        await house.until(release.id, lambda s: ("command", "canary-smoke") in house.world.journal)
        service = house.service
        # The smoke test ends as the engine hears of the abort.
        service.nudge = lambda _: house.world.release_slow.set()
        await turning.abort(service, DANA, release.id, "wait", house.click())
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.CANCELLED
        assert not shown.release.production_touched
        assert not house.world.done("shift")
        assert shown.lock is None


async def test_a_second_abort_is_refused_and_the_first_comes_to_its_end(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.slow.add("test-unit")
        release = await house.start()
        await house.until(release.id, lambda s: ("command", "test-unit") in house.world.journal)
        await house.stop_engines()
        await turning.abort(house.service, DANA, release.id, "one", house.click())
        with pytest.raises(Refused, match="already_stopping"):
            await turning.abort(house.service, DANA, release.id, "two", house.click())
        house.start_engine("two")
        shown = await house.ended(release.id)
        assert shown.release.reason == "one"


async def test_an_abort_after_a_failure_does_not_hold_up_the_cleaning(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.failing |= {"test-unit", "retire-production"}
        release = await house.start()
        await house.until(release.id, lambda s: s.runs.get("clean-up") is not None)
        with pytest.raises(Refused, match="already_stopping"):
            await turning.abort(house.service, DANA, release.id, "", house.click())
        house.world.failing.discard("retire-production")
        house.world.pass_time(minutes=1)
        house.nudge()
        assert (await house.ended(release.id)).release.status is ReleaseStatus.FAILED


async def test_the_same_request_after_a_crash_is_not_refused(tmp_path: Path, url: str) -> None:
    """The answer was lost, the effect was not: the stored request is dealt with again at the next start."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        run = (await house.to_approval(release.id)).runs["approval"].id
        await deciding.decide(house.service, LEE, release.id, run, "approve", "", "one click")
        await house.waits_for(release.id, "canary")
        await deciding.decide(house.service, LEE, release.id, run, "approve", "", "one click")
        await turning.roll_back(house.service, SAM, release.id, "slow", True, "one form")
        await turning.roll_back(house.service, SAM, release.id, "slow", True, "one form")
        await house.ended(release.id)
        await turning.roll_back(house.service, SAM, release.id, "slow", True, "one form")


async def test_of_two_starts_at_once_one_is_told_so(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        began = await asyncio.gather(
            *(house.start(version) for version in ("v0.2.0", "v0.3.0", "v0.2.0", "v0.3.0")),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Release) for one in began) == 1
        assert {one.code for one in began if isinstance(one, Refused)} == {"already_running"}


async def test_the_same_start_twice_at_once_is_one_release(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        begin = house.service.start
        one, two = await asyncio.gather(
            *(begin(DANA, "shop", "v0.2.0", None, "C0SHOP", "the same") for _ in range(2))
        )
        assert one.id == two.id


async def _gone(house: House, release_id: str, user: str) -> None:
    """Approve, and be gone before the engine looks."""
    await house.stop_engines()
    await house.approve(release_id)
    house.world.people[user] = Person(user, user, False, "gone")


async def test_an_approver_who_left_does_not_stand_in_the_next_ones_way(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await _gone(house, release.id, "U0LEE")
        house.start_engine("two")
        shown = await house.until(release.id, lambda s: bool(s.runs["approval"].facts.get("voided")))
        assert not house.world.done("migrate")[2:]
        await house.approve(release.id, KIM)
        shown = await house.until(release.id, lambda s: s.runs["approval"].status == "succeeded")
        assert shown.runs["approval"].facts["by"] == ["U0KIM"]


async def test_an_approver_who_cannot_be_looked_up_is_looked_up_again(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.stop_engines()
        await house.approve(release.id)
        house.world.failing.add("directory")
        house.start_engine("two")
        await house.until(
            release.id, lambda s: s.release.owner is None and s.runs["approval"].seen_signals > 1
        )
        house.world.failing.clear()
        house.world.pass_time(minutes=1)
        house.nudge()
        await house.until(release.id, lambda s: s.runs["approval"].status == "succeeded")


async def test_an_approval_after_its_time_is_none(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.stop_engines()
        house.world.pass_time(hours=24)
        await house.approve(release.id)
        house.start_engine("two")
        shown = await house.ended(release.id)
        assert shown.runs["approval"].code == "approval_expired"


async def test_an_approval_in_time_counts_however_late_it_is_carried_out(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.stop_engines()
        house.world.pass_time(hours=23.9)
        await house.approve(release.id)
        house.world.pass_time(hours=2)
        house.start_engine("two")
        await house.waits_for(release.id, "canary")


async def test_releases_of_one_moment_are_listed_in_the_order_of_their_beginning(
    tmp_path: Path, url: str
) -> None:
    """The world's clock stands still, as a coarse or corrected one seems to."""
    async with open_house(tmp_path, url) as house:
        begun = [await house.adopt()]
        for number in range(2, 9):
            house.world.failing.add("test-unit")
            begun.append(await house.start(f"v0.{number}.0", ref="b" * 40))
            await house.ended(begun[-1].id)
        recent = await house.service.recent("shop", 4)
        assert [release.version for release in recent] == [r.version for r in reversed(begun)][:4]


async def test_what_is_looked_at_is_one_moment(tmp_path: Path, url: str) -> None:
    """A card never shows a release from before a change with its stages from after it."""
    async with open_house(tmp_path, url) as house:
        release = await house.start()
        await house.waits_for(release.id, "checklist")
        async with house.db.reading() as session:
            before = await session.scalar(select(func.count()).select_from(StageRun))
            await house.tick_all(release.id)
            await house.waits_for(release.id, "approval")
            assert await session.scalar(select(func.count()).select_from(StageRun)) == before
        async with house.db.reading() as session:
            assert await session.scalar(select(func.count()).select_from(StageRun)) != before
