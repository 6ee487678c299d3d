"""People at the sandbox's page: what they type, press and see, in a real browser."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Error, Locator, Page, async_playwright, expect

from handlers.text import ids

CHROMIUM = shutil.which("chromium")
ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
"""Where the pictures go: CI keeps them, git does not."""

WIDTH, HEIGHT = 1100, 900
FORM, SOON, LATER = 10_000, 30_000, 180_000
"""Milliseconds: until a form does not open any more, for what the page does itself, and for what the bot works for."""


@dataclass
class Screen:
    """The page as one person sees it at a time."""

    page: Page
    product: str = "core-hub"
    shots: int = 0
    folder: Path = SHOTS

    # --------------------------------------------------------------- people

    async def act_as(self, user: str) -> None:
        await self.page.get_by_test_id(f"user-{user}").click()
        await self.page.locator(f"[data-testid=user-{user}] input:checked").wait_for()

    async def type(self, text: str) -> None:
        """Type into the channel's message field and send."""
        field = self.page.get_by_test_id("composer-input")
        await field.fill(text)
        await field.press("Enter")

    async def press(self, message: Locator, action: str) -> None:
        await message.locator(f'[data-action-id="{action}"]').first.click(timeout=LATER)

    async def answer(self, yes: bool = True) -> None:
        """Answer the question before a button does something."""
        await self.page.get_by_test_id("confirm-accept" if yes else "confirm-deny").click()

    async def tick_all(self, message: Locator) -> None:
        """Press "Mark done" until none is left: as a person would, one after the other."""
        buttons = message.locator(f'[data-action-id="{ids.TICK}"]')
        await buttons.first.wait_for(timeout=LATER)
        while left := await buttons.count():
            await buttons.first.click()
            await buttons.nth(left - 1).wait_for(state="detached", timeout=LATER)

    # ---------------------------------------------------------------- forms

    async def form(self, ask: Callable[[], Awaitable[None]]) -> Locator:
        """Ask for a form, and again where none opens: on a busy machine Slack's three seconds may be over before."""
        modal = self.page.get_by_test_id("modal")
        for _ in range(LATER // FORM):
            await ask()
            with suppress(Error):
                await modal.wait_for(timeout=FORM)
                return modal
        raise AssertionError("no form opened")

    async def send_form(self) -> None:
        """Submit the form, which must be accepted."""
        await self.page.get_by_test_id("modal-submit").click()
        await self.page.get_by_test_id("modal").wait_for(state="detached", timeout=SOON)

    async def refused(self, block: str, why: str) -> None:
        """Submit the form, which must be refused with these words beside the field."""
        await self.page.get_by_test_id("modal-submit").click()
        error = self.page.locator(f'[data-testid=field-error][data-block-id="{block}"]')
        await expect(error).to_contain_text(why, timeout=SOON)

    # -------------------------------------------------------------- looking

    async def message(self, headline: str, wait: int = LATER) -> Locator:
        """The newest message of the channel with this in it."""
        found = self.page.locator("#timeline [data-testid=message]").filter(has_text=headline).last
        await found.wait_for(timeout=wait)
        return found

    async def card(self, version: str) -> Locator:
        """The one message of a release."""
        messages = self.page.locator("#timeline [data-testid=message]").filter(
            has_text=f"{self.product} {version} — "
        )
        found = messages.filter(has_text="details are in the thread").last
        await found.wait_for(timeout=LATER)
        return found

    async def in_thread(self, text: str) -> Locator:
        """A message of the open thread."""
        found = self.page.locator("#thread [data-testid=message]").filter(has_text=text).last
        await found.wait_for(timeout=LATER)
        return found

    async def open_thread(self, card: Locator) -> None:
        await card.get_by_test_id("open-thread").click()
        await self.page.get_by_test_id("thread-panel").wait_for(timeout=SOON)

    async def close_thread(self) -> None:
        await self.page.get_by_test_id("thread-close").click()
        await self.page.get_by_test_id("thread-panel").wait_for(state="hidden", timeout=SOON)

    async def shot(self, name: str, of: Locator | None = None) -> None:
        """Keep a picture of the page, scrolled to a message. A story's first one replaces those of the last."""
        self.shots += 1
        if self.shots == 1:
            for old in self.folder.glob("*.png"):
                old.unlink()
        if of is not None:
            await of.evaluate("message => message.scrollIntoView({block: 'start'})")
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=self.folder / f"{self.shots:02}-{name}.png", animations="disabled")


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGS])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(browser: Browser, url: str, product: str) -> AsyncIterator[Screen]:
    """The page; an error in its console fails the test."""
    problems: list[str] = []
    page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
    page.set_default_timeout(SOON)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    await page.goto(url)
    await page.wait_for_selector("body[data-ready=true]")
    yield Screen(page, product)
    await page.close()
    assert not problems


@asynccontextmanager
async def open_screen(url: str, product: str = "core-hub") -> AsyncIterator[Screen]:
    """The page in a browser of its own."""
    async with open_browser() as browser, open_page(browser, url, product) as screen:
        yield screen
