"""How many approve, who may not, and whether an approval still stands when production is touched."""

from pathlib import Path

import pytest

from pipeline.errors import Refused
from pipeline.policy import Actor
from pipeline.ports import Person
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import BOT_TOML, DANA, KIM, LEE, House, open_house

TWO = BOT_TOML + "[products.shop.approval]\nneeded = 2\n"
NO_AUTHORS = BOT_TOML + "[products.shop.approval]\nauthors = false\n"


async def refused(house: House, release_id: str, actor: Actor) -> str:
    with pytest.raises(Refused) as refusal:
        await house.approve(release_id, actor)
    return refusal.value.code


async def asked(house: House) -> str:
    """A release that waits for its approval."""
    await house.adopt()
    release = await house.start()
    await house.to_approval(release.id)
    return release.id


async def test_two_different_people_are_needed(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url, bot_toml=TWO) as house:
        release = await asked(house)
        await house.approve(release, LEE)
        shown = await house.until(release, lambda s: s.runs["approval"].facts.get("got") == ["U0LEE"])
        assert shown.runs["approval"].status is StageStatus.WAITING
        assert await refused(house, release, LEE) == "approved_by_you"
        assert await refused(house, release, DANA) == "own_release"
        await house.approve(release, KIM)
        shown = await house.until(release, lambda s: s.runs["approval"].status is StageStatus.SUCCEEDED)
        assert shown.runs["approval"].facts["by"] == ["U0LEE", "U0KIM"]


async def test_one_rejection_ends_what_others_have_approved(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=TWO) as house:
        release = await asked(house)
        await house.approve(release, LEE)
        await house.approve(release, KIM, "reject")
        shown = await house.ended(release)
        assert shown.release.status is ReleaseStatus.FAILED
        assert shown.runs["approval"].facts == {"by": "U0KIM", "reason": "fine"}
        assert await refused(house, release, LEE) == "already_decided"


async def test_of_two_the_one_who_left_does_not_count(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=TWO) as house:
        release = await asked(house)
        await house.approve(release, LEE)
        house.world.people["U0LEE"] = Person("U0LEE", "lee", False, "deactivated")
        await house.approve(release, KIM)
        shown = await house.until(release, lambda s: s.runs["approval"].facts.get("got") == ["U0KIM"])
        assert shown.runs["approval"].status is StageStatus.WAITING
        assert shown.runs["approval"].facts["voided"]
        assert house.world.done("shift") == []


async def test_nobody_approves_commits_of_their_own(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=NO_AUTHORS) as house:
        house.world.commits = [
            {"id": "a" * 40, "message": "fix: a thing", "author": {"name": "Lee", "email": "lee@example.com"}}
        ]
        house.world.people["U0LEE"] = Person("U0LEE", "lee", True, email="Lee@Example.com")
        house.world.people["U0KIM"] = Person("U0KIM", "kim", True, email="kim@example.com")
        release = await asked(house)
        assert await refused(house, release, LEE) == "own_commits"
        house.world.people["U0LEE"] = Person("U0LEE", "lee", True)
        assert await refused(house, release, LEE) == "author_unknown"
        await house.approve(release, KIM)
        await house.until(release, lambda s: s.runs["approval"].status is StageStatus.SUCCEEDED)


async def test_in_a_shared_channel_nobody_may_anything(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        release = await asked(house)
        house.world.shared.add("C0SHOP")
        assert await refused(house, release, Actor("U0LEE", "T1", "C0SHOP")) == "shared_channel"
        await house.approve(release, Actor("U0LEE", "T1", "C0OWN"))


async def test_who_is_listed_for_an_environment_replaces_who_is_listed_for_the_product(
    tmp_path: Path,
) -> None:
    toml = BOT_TOML + '[products.shop.environments.production.people]\napprove = ["U0SAM"]\n'
    async with open_house(tmp_path, bot_toml=toml) as house:
        release = await asked(house)
        assert await refused(house, release, LEE) == "may_not_approve"
        await house.approve(release, Actor("U0SAM", "T1"))


async def pause_before_production(house: House, release_id: str) -> None:
    """Approved, and the bot stops while the canary is still tried on its own address; an hour goes by."""
    house.world.slow.add("canary-smoke")
    await house.approve(release_id)
    await house.until(release_id, lambda s: "canary" in s.runs and "canary-smoke" in house.world.commands)
    await house.stop_engines()
    house.world.slow.clear()
    house.world.pass_time(hours=1)


async def test_an_approval_that_lost_its_ground_carries_nothing(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await asked(house)
        await pause_before_production(house, release)
        house.world.people["U0LEE"] = Person("U0LEE", "lee", False, "deactivated")
        house.start_engine("two")
        shown = await house.ended(release)
        assert shown.release.status is ReleaseStatus.FAILED
        assert (shown.runs["canary"].code, shown.release.production_touched) == ("approval_gone", False)
        assert house.world.done("shift") == []


async def test_an_approver_who_cannot_be_looked_up_holds_production_back(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        release = await asked(house)
        await pause_before_production(house, release)
        house.world.failing.add("directory")
        house.start_engine("two")
        await house.until(release, lambda s: s.runs["canary"].code == "approval_unsure")
        assert house.world.done("shift") == []
        house.world.failing.clear()
        house.world.pass_time(minutes=1)
        house.nudge()
        await house.until(release, lambda s: s.runs["canary"].code == "canary_holding")
        assert house.world.done("shift") == [("shift", "production", "10")]
