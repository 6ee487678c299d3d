"""Trying again, pausing and skipping by commands and buttons."""

from pathlib import Path

from handlers.text import ids
from pipeline.states import ReleaseStatus
from tests.slack_house import DANA, LEE, SAM, open_slack_house


async def test_a_failed_release_is_tried_again_by_its_button(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.failing.add("test-unit")
        await house.type(DANA, "v0.2.0")
        ended = await house.message("shop v0.2.0 failed before production")
        house.world.failing.clear()
        await house.press(SAM, ended, ids.RETRY)
        await house.told(SAM, "It is for who may start releases")
        await house.press(DANA, ended, ids.RETRY)
        await house.message("shop v0.2.0 failed, and <@U0DANA001> had it tried again")
        await house.message("Checklist before shop v0.2.0")
        await house.quiet()
        card = await house.message("Release shop v0.2.0")
        assert "attempt 2" in str(card.blocks)


async def test_commands_for_what_has_failed_or_waits(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.type(DANA, "retry")
        await house.told(DANA, "There is nothing to try again", "v0.1.0: live in production")
        await house.type(LEE, "skip")
        await house.told(LEE, "Which step, and why?")
        await house.type(LEE, "pause")
        await house.told(LEE, "v0.1.0 has no canary now")
        house.world.failing.add("staging-smoke")
        await house.slack_start()
        await house.message("shop v0.2.0 failed before production")
        await house.type(LEE, "skip staging-checks it is known")
        await house.told(LEE, "`staging-checks` may not be skipped", "lets nothing be skipped")
        house.world.failing.clear()
        await house.type(DANA, "retry")
        await house.told(DANA, "shop v0.2.0 is tried again from where it failed")
        await house.message("Checklist before shop v0.2.0")


async def test_a_canary_is_paused_and_resumed_by_buttons(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await house.slack_approve(request)
        await house.sandbox.wait_for(lambda: ids.PAUSE in str(house.find("Release shop v0.2.0")), 10)
        card = await house.message("Release shop v0.2.0")
        await house.press(SAM, card, ids.PAUSE)
        await house.sandbox.wait_for(lambda: ids.RESUME in str(house.find("Release shop v0.2.0")), 10)
        assert "<@U0SAM0003> paused it at 10 % of the traffic" in str(card.blocks)
        await house.press(SAM, card, ids.RESUME)
        await house.told(SAM, "It is for who may start releases")
        await house.press(DANA, card, ids.RESUME)
        await house.sandbox.wait_for(lambda: ids.PAUSE in str(house.find("Release shop v0.2.0")), 10)
        house.world.pass_time(minutes=6)
        house.nudge()
        shown = await house.waits_for((await house.shown("v0.2.0")).release.id, "watch")
        assert shown.release.status is ReleaseStatus.RUNNING
