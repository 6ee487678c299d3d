"""The whole story as people see it: a release, its way back, one that fails and one that goes wrong, in a browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.demo.house import open_house
from handlers.text import ids
from tests.acceptance.screen import CHROMIUM, LATER, Screen, open_screen
from tests.acceptance.town import DANA, GUEST, LEE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: put `chromium` on the PATH."),
]


async def release(screen: Screen) -> None:
    """Dana asks, ticks; Lee approves; the canary takes its share; it is announced."""
    await screen.type("/release v0.2.0")
    card = await screen.card("v0.2.0")
    await screen.shot("releasing", card)
    checklist = await screen.message("before core-hub v0.2.0")
    await screen.shot("checklist", checklist)
    await screen.tick_all(checklist)
    request = await screen.message("Approve core-hub v0.2.0 for production?")
    await screen.act_as(LEE)
    await screen.shot("approval-request", request)
    await approve(screen, "v0.2.0")
    await card.get_by_text("10 % on v0.2.0").wait_for(timeout=LATER)
    await screen.shot("canary", card)
    announcement = await screen.message("core-hub v0.2.0 is live")
    await screen.shot("announcement", announcement)
    await screen.act_as(DANA)
    await screen.tick_all(await screen.message("after core-hub v0.2.0"))
    await expect(card).to_contain_text("live in production", timeout=LATER)
    await screen.shot("live", card)
    await screen.open_thread(card)
    await screen.in_thread("Run unit tests")
    await screen.shot("thread")
    await screen.close_thread()


async def approve(screen: Screen, version: str) -> None:
    request = await screen.message(f"Approve core-hub {version} for production?")
    form = await screen.form(lambda: screen.press(request, ids.APPROVE))
    await screen.shot("approval-form")
    await screen.refused(ids.SEEN, "required")
    boxes = form.locator("input[type=checkbox]")
    await boxes.first.check()
    await screen.refused(ids.SEEN, "tick both")
    await screen.shot("approval-form-error")
    await boxes.last.check()
    await form.locator("textarea").fill("Looks good.")
    await screen.send_form()
    await screen.message(f"core-hub {version} approved")


async def roll_back(screen: Screen) -> None:
    form = await screen.form(lambda: screen.type("/rollback"))
    await screen.shot("rollback-form")
    await screen.refused(ids.REASON, "required")
    await form.locator("textarea").fill("Trying the way back.")
    await screen.send_form()
    told = await screen.message("core-hub v0.2.0 was rolled back to v0.1.0")
    await screen.shot("rollback-announcement", told)
    await screen.shot("rolled-back", await screen.card("v0.2.0"))
    await screen.act_as(LEE)
    await screen.press(told, ids.UNLOCK)
    await screen.shot("unlock-question")
    await screen.answer()
    await screen.message("is unlocked")
    await screen.shot("unlocked")


async def fail(screen: Screen) -> None:
    await screen.act_as(DANA)
    await screen.type("/release v0.3.0")
    await screen.message("core-hub v0.3.0 failed before production")
    card = await screen.card("v0.3.0")
    await expect(card).to_contain_text("failed", timeout=LATER)
    await screen.shot("failed", card)
    await screen.open_thread(card)
    await screen.in_thread("Lost cases")
    await screen.shot("failed-thread")
    await screen.close_thread()


async def stop(screen: Screen) -> None:
    await screen.type("/release v0.4.0")
    card = await screen.card("v0.4.0")
    await screen.press(card, ids.ABORT)
    await screen.shot("stop-question")
    await screen.answer(yes=False)
    await screen.press(card, ids.ABORT)
    await screen.answer()
    await screen.message("core-hub v0.4.0 was stopped")
    await expect(card).to_contain_text("cancelled", timeout=LATER)
    await screen.shot("cancelled", card)


async def go_wrong(screen: Screen) -> None:
    await screen.type("/release v0.4.0")
    await screen.message("core-hub v0.4.0 — releasing")
    card = await screen.card("v0.4.0")
    await screen.tick_all(await screen.message("before core-hub v0.4.0"))
    await screen.act_as(LEE)
    await approve(screen, "v0.4.0")
    asked = await screen.message("core-hub v0.4.0 needs a decision")
    await screen.shot("decision", asked)
    form = await screen.form(lambda: screen.press(asked, ids.ROLLBACK))
    await form.locator("textarea").fill("Charges were sent and not booked.")
    await screen.send_form()
    await expect(card).to_contain_text("rolling back", timeout=LATER)
    await screen.shot("rolling-back", card)
    await screen.message("core-hub v0.4.0 was rolled back to v0.1.0")
    await expect(card).to_contain_text("rolled back", timeout=LATER)
    await screen.shot("night", card)


async def look_around(screen: Screen) -> None:
    """A phone in the dark, the Home tab, and what a person who may not is told."""
    await screen.act_as(GUEST)
    await screen.type("/release v0.5.0")
    refusal = await screen.message("You cannot do that")
    await screen.shot("refusal", refusal)
    await screen.act_as(DANA)
    await screen.page.get_by_test_id("channel-D00DANA001").click()
    await screen.page.get_by_test_id("home").get_by_text("core-hub v0.4.0").first.wait_for()
    await screen.shot("home")
    await screen.page.get_by_test_id("channel-C0RELEASES").click()
    await screen.page.set_viewport_size({"width": 390, "height": 844})
    await screen.page.emulate_media(color_scheme="dark")
    await screen.shot("phone-dark", await screen.card("v0.4.0"))
    await screen.shot(
        "phone-dark-announcement", await screen.message("core-hub v0.2.0 was live and went back")
    )
    assert await screen.page.evaluate("document.documentElement.scrollWidth") <= 390


CANARY = 15
"""Seconds: a message is edited once in three at most, and what was overtaken is never shown."""

WATCH = 20
"""Seconds from the promotion: v0.4.0 reports what is wrong with it some four seconds after its smoke tests."""


async def test_the_whole_story_on_the_page(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path / "house", 0, canary=CANARY, watch=WATCH, visitors=5) as house,
        open_screen(house.sandbox.page_url) as screen,
    ):
        await release(screen)
        await roll_back(screen)
        await fail(screen)
        await stop(screen)
        await go_wrong(screen)
        await look_around(screen)
