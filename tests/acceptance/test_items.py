"""What people do with a checklist's items, by buttons and forms."""

from pathlib import Path

from bot.sandbox.modals import Values
from handlers.text import ids
from pipeline.models import ChecklistItem
from tests.slack_house import DANA, GUEST, KIM, SAM, SlackHouse, open_slack_house

CHECKLIST = "Checklist before shop v0.2.0"


async def item(house: SlackHouse, key: str = "support") -> ChecklistItem:
    shown = await house.shown("v0.2.0")
    return next(item for item in shown.items if item.key == key)


async def opened(house: SlackHouse, action: str, values: Values) -> None:
    await house.press(DANA, await house.message(CHECKLIST), action)
    assert (await house.sandbox.submit(DANA, (await house.form(DANA)).id, values)).acked


async def test_an_item_is_not_needed_with_a_reason_that_everybody_reads(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_start()
        message = await house.message(CHECKLIST)
        chosen = str((await item(house)).id)
        await house.press(DANA, message, ids.WAIVE)
        form = await house.form(DANA)
        empty = await house.sandbox.submit(
            DANA, form.id, {ids.ITEM: {ids.INPUT: chosen}, ids.REASON: {ids.INPUT: " "}}
        )
        assert "Write one sentence" in empty.errors[ids.REASON]
        filled: Values = {
            ids.ITEM: {ids.INPUT: chosen},
            ids.REASON: {ids.INPUT: "nothing changes for customers"},
        }
        assert (await house.sandbox.submit(DANA, form.id, filled)).acked
        await house.sandbox.wait_for(lambda: "not needed: nothing changes" in str(message.blocks), 10)
        await house.message("Approval needed for shop v0.2.0")
        assert (await item(house)).done_by == DANA


async def test_what_was_ticked_by_mistake_is_opened_again(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.playbook = house.world.playbook.replace(
            '{ key = "support"', '{ key = "other", title = "Something else" }, { key = "support"'
        )
        await house.slack_start()
        message = await house.message(CHECKLIST)
        value = ids.value((await house.shown("v0.2.0")).release.id, (await item(house)).id)
        await house.press(SAM, message, ids.TICK, value)
        await house.sandbox.wait_for(lambda: ids.UNTICK in str(message.blocks), 10)
        await house.press(GUEST, message, ids.UNTICK, value)
        await house.told(GUEST, "You cannot do that", "is a guest")
        await house.press(DANA, message, ids.UNTICK, value)
        await house.sandbox.wait_for(lambda: ids.UNTICK not in str(message.blocks), 10)
        assert not (await item(house)).done


async def test_an_optional_item_holds_nothing_and_is_named_to_the_approver(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.playbook = house.world.playbook.replace(
            '{ key = "support"',
            '{ key = "nice", title = "Tell <!channel>", required = false }, { key = "support"',
        )
        await house.slack_start()
        message = await house.message(CHECKLIST)
        assert f"<@{DANA}>: one item" in str(message.blocks)
        assert "*Tell &lt;!channel&gt;*\\nopen · optional" in str(message.blocks)
        value = ids.value((await house.shown("v0.2.0")).release.id, (await item(house)).id)
        await house.press(SAM, message, ids.TICK, value)
        asked = await house.message("Approval needed for shop v0.2.0")
        assert "*Left open, optional*\\nTell &lt;!channel&gt;" in str(asked.blocks)
        assert not (await item(house, "nice")).done
        await house.slack_approve(asked)
        await house.waits_for((await house.shown("v0.2.0")).release.id, "canary")


async def test_an_item_is_given_to_somebody_who_is_then_named(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_start()
        message = await house.message(CHECKLIST)
        assert f"<@{DANA}>: one item" in str(message.blocks)
        chosen = str((await item(house)).id)
        await opened(house, ids.ASSIGN, {ids.ITEM: {ids.INPUT: chosen}, ids.PERSON: {ids.INPUT: KIM}})
        await house.sandbox.wait_for(lambda: f"<@{KIM}>: one item" in str(message.blocks), 10)
        assert (await item(house)).assignee == KIM
