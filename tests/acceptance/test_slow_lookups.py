"""A form is there before its trigger expires, however long Slack takes to say who somebody is."""

from pathlib import Path

from handlers.text import ids
from tests.acceptance.test_forms import opened
from tests.slack_house import APPROVAL, DANA, GUEST, LEE, SAM


async def test_what_is_looked_up_slowly_is_filled_in_later(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        house.face.desk.soon = 0.01
        for user in (SAM, GUEST):
            await house.type(user, "status")
            await house.told(user, "live in production")
            house.sandbox.faults.hang("users.info", seconds=0.3)
            await house.type(user, "lock")
            await house.sandbox.wait_for(lambda: house.calls("views.update"), 20)
            house.sandbox.core.journal.clear()
        assert (await house.form(SAM)).content["title"]["text"] == "Lock an environment"
        await house.told(GUEST, "is a guest")
        (late,) = house.sandbox.views(GUEST)
        assert "submit" not in late.content
        assert "guest" in str(late.content["blocks"]), late.content["blocks"]


async def test_what_an_approver_decides_on_is_filled_in_when_slack_is_slow(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        request = await house.slack_to_approval()
        house.face.desk.soon = 0.01
        for user in (LEE, DANA):
            await house.type(user, "status")
            await house.told(user, "v0.2.0")
            house.sandbox.core.journal.clear()
            house.sandbox.faults.hang("users.info", seconds=0.3)
            await house.press(user, request, ids.APPROVE)
            await house.sandbox.wait_for(lambda: house.calls("views.update"), 20)
        (asked,) = house.sandbox.views(LEE)
        assert asked.content["title"]["text"] == "Approve v0.2.0"
        assert (await house.sandbox.submit(LEE, asked.id, APPROVAL)).acked
        await house.message("was approved for production")
        (late,) = house.sandbox.views(DANA)
        assert "submit" not in late.content
