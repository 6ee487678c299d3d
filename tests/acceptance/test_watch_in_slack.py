"""A limit that broke, as people in Slack see it and answer it."""

from pathlib import Path

from handlers.text import ids
from pipeline.states import ReleaseStatus
from tests.integration import test_dashboard as dashboard
from tests.integration.test_limits import count, playbook
from tests.slack_house import DANA, GUEST, SAM, SlackHouse, open_slack_house


async def breaks(house: SlackHouse, version: str = "v0.2.0") -> None:
    """Its errors are over their ceiling in the next window."""
    count(house, version, requests=100, bad=60)
    house.world.pass_time(minutes=1)
    house.nudge()


async def test_one_press_sends_back_what_broke_its_limit(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.playbook = playbook(errors="propose")
        count(house, "v0.2.0", requests=100)
        await house.slack_to_watch()
        await breaks(house)
        question = await house.message("needs a decision: `errors` is 60 %, over its ceiling of 5 %")
        assert f"<!subteam^S0APPROVE>, <@{DANA}>, <@{SAM}>: " in str(question.blocks)
        await house.press(GUEST, question, ids.GO_BACK)
        await house.press(SAM, question, ids.GO_BACK)
        told = await house.message("shop v0.2.0 was rolled back to v0.1.0")
        assert "errors is 60 %, over its ceiling of 5 %" in told.text
        shown = await house.ended((await house.shown("v0.2.0")).release.id)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK
        assert (shown.release.turned or {})["actor"] == SAM
        await house.sandbox.wait_for(lambda: ids.GO_BACK not in str(question.blocks), 20)


async def test_a_release_that_the_bot_takes_back_is_told_with_the_reason(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.playbook = playbook(errors="do")
        count(house, "v0.2.0", requests=100)
        await house.slack_to_watch()
        await breaks(house)
        told = await house.message("shop v0.2.0 was rolled back to v0.1.0")
        assert "`errors` is 60 %, over its ceiling of 5 %" in told.text
        assert "the bot" in str(told.blocks)
        await house.sandbox.wait_for(lambda: "watch" in str(house.sandbox.workspace.files), 20)


async def test_a_dashboard_that_goes_blank_is_one_message_of_the_thread(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.playbook = dashboard.playbook()
        house.world.page = "Requests 12"
        shown = await house.slack_to_watch()
        house.world.failing.add("dashboard")
        for _ in range(3):
            await dashboard.minute(house, shown.release.id)
        told = await house.message("the dashboard has not shown its metrics since")
        assert (told.thread_ts is not None, told.broadcast) == (True, False)
        assert "answered 500" in told.text
        await house.quiet()
        assert "the dashboard has not shown its metrics since" in str(
            (await house.message("Release shop v0.2.0")).blocks
        )
        before = len(house.posted())
        house.world.failing.clear()
        await dashboard.minute(house, shown.release.id)
        told = await house.message("the dashboard did not show its metrics from")
        assert "a person looks, and ticks it" in told.text
        await house.quiet()
        assert len(house.posted()) == before
