"""Going on alone with a hotfix: counted like an approval, and looked at again like one; on both databases."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import alone, hotfixing
from pipeline.config import BotFile, parse
from pipeline.errors import ConfigError, Refused
from pipeline.ports import Person
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import BOT_TOML, KIM, LEE, House, open_house

RULES = BOT_TOML + '[products.shop.approval]\nneeded = 2\nalone_after = "10m"\n'


async def asked(house: House) -> tuple[str, int]:
    """A hotfix of Lee's whose approval may be gone without, and the run that asks for it."""
    await house.adopt()
    release = await hotfixing.start(
        house.service, LEE, "shop", "v0.2.0", None, "orders are lost", house.click()
    )
    await house.to_approval(release.id)
    house.world.pass_time(minutes=10)
    house.nudge()
    shown = await house.until(release.id, lambda s: bool(s.runs["approval"].facts.get("alone_open")))
    return release.id, shown.runs["approval"].id


async def go_on(house: House, release: str, run: int, origin: str = "") -> None:
    origin = origin or house.click()
    await alone.go_on(house.service, LEE, release, run, "rang everybody", origin)


async def test_it_stands_for_all_approvals_that_are_needed_and_the_same_click_is_one(
    tmp_path: Path, url: str
) -> None:
    async with open_house(tmp_path, url, bot_toml=RULES) as house:
        release, run = await asked(house)
        await house.approve(release, KIM)
        for _ in range(2):
            await go_on(house, release, run, "the same click")
        shown = await house.waits_for(release, "canary")
        approval = shown.runs["approval"]
        assert (approval.facts["by"], approval.facts["alone"], approval.facts["note"]) == (
            ["U0LEE"], True, "rang everybody",
        )  # fmt: skip
        assert [made.decision for made in shown.approvals if made.stage_run_id == run] == ["approve", "alone"]


async def test_a_rejection_comes_before_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=RULES) as house:
        release, run = await asked(house)
        await house.approve(release, KIM, "reject")
        shown = await house.ended(release)
        assert shown.release.status is ReleaseStatus.FAILED
        with pytest.raises(Refused, match="out_of_date"):
            await go_on(house, release, run)


async def test_who_may_not_override_any_more_has_not_let_it_go_on(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=RULES) as house:
        release, run = await asked(house)
        await house.stop_engines()
        await go_on(house, release, run)
        house.world.people["U0LEE"] = Person("U0LEE", "lee", False, "deactivated")
        house.start_engine("two")
        shown = await house.until(release, lambda s: bool(s.runs["approval"].facts["void"]))
        assert shown.runs["approval"].status is StageStatus.WAITING
        assert not shown.release.production_touched


async def test_a_policy_that_was_taken_back_stops_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=RULES) as house:
        release, run = await asked(house)
        await house.stop_engines()
        await go_on(house, release, run)
        strict = parse(BotFile, RULES.replace('alone_after = "10m"', ""), "bot.toml")
        house.made = replace(house.made, product=strict.products["shop"])
        house.start_engine("two")
        shown = await house.until(release, lambda s: bool(s.runs["approval"].facts["void"]))
        assert "alone_from" not in shown.runs["approval"].facts


@pytest.mark.parametrize("value", ['"24h"', '"soon"', "true"])
def test_wrong_values_are_named(value: str) -> None:
    with pytest.raises(ConfigError, match="approval"):
        parse(BotFile, BOT_TOML + f"[products.shop.approval]\nalone_after = {value}\n", "bot.toml")
