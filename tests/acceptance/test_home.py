"""The Home tab and the ways to start from it, by shortcut and by a command without a version."""

from pathlib import Path

from bot.sandbox.modals import Values
from handlers.text import ids
from tests.slack_house import APPROVAL, DANA, GUEST, LEE, SAM, SlackHouse, open_slack_house


async def home(house: SlackHouse, user: str) -> str:
    """What a person's Home tab shows when it is opened now."""
    before = house.calls("views.publish")
    assert (await house.sandbox.open_home(user)).acked
    await house.sandbox.wait_for(lambda: house.calls("views.publish") > before, 10)
    shown = house.sandbox.home(user)
    assert shown is not None
    return str(shown.blocks)


async def test_it_shows_what_waits_for_the_reader_and_for_nobody_else(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        shown = await home(house, SAM)
        assert "production: *v0.1.0* since" in shown
        assert "staging: *v0.1.0* since" in shown
        assert "Waiting for you" not in shown
        await house.slack_to_approval()
        lee = await home(house, LEE)
        assert "Approve shop v0.2.0 for production?" in lee
        assert "staging: *v0.2.0* since" in lee
        assert "step 10 of 20" in lee
        for nobody in (DANA, SAM, GUEST):
            assert "Waiting for you" not in await home(house, nobody)


async def test_from_home_one_approves_and_is_refused(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await home(house, LEE)
        tab = house.sandbox.home(LEE)
        assert tab is not None
        await house.sandbox.click_view(LEE, tab.id, ids.APPROVE)
        await house.sandbox.submit(LEE, (await house.form(LEE)).id, APPROVAL)
        await house.sandbox.wait_for(lambda: "was approved" in request.text, 10)
        await house.sandbox.click_view(LEE, tab.id, ids.APPROVE)
        await house.told(LEE, "This was decided already")


def filled(version: str) -> Values:
    return {ids.VERSION: {ids.INPUT: version}, ids.COMMIT: {ids.INPUT: None}}


async def test_a_release_starts_by_a_form(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.type(DANA, "")
        form = await house.form(DANA)
        assert "v0.2.0" in str(form.content)
        answer = await house.sandbox.submit(DANA, form.id, filled("0.2"))
        assert "Did you mean v0.2.0?" in answer.errors[ids.VERSION]
        assert (await house.sandbox.submit(DANA, form.id, filled("v0.2.0"))).acked
        await house.message("Release shop v0.2.0")


async def test_shortcuts(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.sandbox.shortcut(DANA, ids.START_SHORTCUT)
        assert (await house.form(DANA)).content["title"]["text"] == "Start a release"
        await house.slack_to_watch()
        card = await house.message("Release shop v0.2.0")
        await house.sandbox.message_shortcut(SAM, card.channel, card.ts, ids.ROLLBACK_SHORTCUT)
        assert "from v0.2.0 back to v0.1.0" in str((await house.form(SAM)).content)
