"""Release, approval and rollback without a mouse: everything can be reached by Tab and pressed by Enter or Space."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from handlers.text import ids
from tests.acceptance.screen import CHROMIUM, LATER, Screen, open_screen
from tests.slack_house import DANA, LEE, open_slack_house

MOST_STEPS = 150
"""Presses of Tab after which a control counts as out of reach."""

COMPOSER, SUBMIT = "[data-testid=composer-input]", "[data-testid=modal-submit]"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: put `chromium` on the PATH."),
]


async def reach(screen: Screen, selector: str, key: str = "Tab") -> None:
    """Press Tab (or Shift+Tab) until the focus is on what the selector means."""
    for _ in range(MOST_STEPS):
        if await screen.page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            return
        await screen.page.keyboard.press(key)
    raise AssertionError(f"{selector} cannot be reached by {key}.")


async def press(screen: Screen, action: str) -> None:
    """From wherever the focus is to a control of a message, backwards from the message field, and Enter."""
    await reach(screen, COMPOSER)
    await reach(screen, f'[data-action-id="{action}"]', "Shift+Tab")
    await screen.page.keyboard.press("Enter")


async def write(screen: Screen, text: str) -> None:
    await reach(screen, COMPOSER)
    await screen.page.keyboard.type(text)
    await screen.page.keyboard.press("Enter")


async def become(screen: Screen, user: str, arrow: str) -> None:
    """The arrow keys change who acts: to the one before or after."""
    await reach(screen, "[data-testid=user-switcher] input", "Shift+Tab")
    await screen.page.keyboard.press(arrow)
    await screen.page.locator(f"[data-testid=user-{user}] input:checked").wait_for()


async def tick_all(screen: Screen, headline: str) -> None:
    message = await screen.message(headline)
    buttons = message.locator(f'[data-action-id="{ids.TICK}"]')
    await buttons.first.wait_for(timeout=LATER)
    while left := await buttons.count():
        await press(screen, ids.TICK)
        await buttons.nth(left - 1).wait_for(state="detached", timeout=LATER)


async def approve(screen: Screen) -> None:
    await screen.form(lambda: press(screen, ids.APPROVE))
    boxes = screen.page.locator("[data-testid=modal] input[type=checkbox]")
    for number in range(await boxes.count()):
        await reach(screen, f"[data-testid=modal] label:nth-of-type({number + 1}) input[type=checkbox]")
        await screen.page.keyboard.press("Space")
    await reach(screen, SUBMIT)
    await screen.page.keyboard.press("Enter")
    await screen.page.get_by_test_id("modal").wait_for(state="detached")


async def roll_back(screen: Screen) -> None:
    await screen.form(lambda: write(screen, "/rollback"))
    await reach(screen, "[data-testid=modal] textarea")
    await screen.page.keyboard.type("Trying the way back.")
    await reach(screen, SUBMIT)
    await screen.page.keyboard.press("Enter")
    await screen.page.get_by_test_id("modal").wait_for(state="detached")


async def test_nothing_needs_a_mouse(tmp_path: Path) -> None:
    async with (
        open_slack_house(tmp_path) as house,
        open_screen(house.sandbox.page_url, "shop") as screen,
    ):
        await write(screen, "/release v0.2.0")
        card = await screen.card("v0.2.0")
        await tick_all(screen, "Checklist before shop v0.2.0")
        await screen.message("Approve shop v0.2.0 for production?")
        await become(screen, LEE, "ArrowDown")
        await approve(screen)
        await house.through_canary((await house.shown("v0.2.0")).release.id)
        await screen.message("shop v0.2.0 is live")
        await become(screen, DANA, "ArrowUp")
        await roll_back(screen)
        await expect(card).to_contain_text("rolled back", timeout=LATER)
        await screen.message("shop v0.2.0 was rolled back to v0.1.0")
        assert house.sandbox.views(LEE) == house.sandbox.views(DANA) == []
