"""The sandbox's page in a real browser: everything is drawn, clicked and answered, and nothing runs as code."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright
from slack_bolt.async_app import AsyncApp

from bot.sandbox import Command, Sandbox
from tests.sandbox_gallery import CARD, FORM, HOME, option
from tests.sandbox_helpers import app_of, client_of, section, socket_bot

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DANA, LEE, CHANNEL = "U0DANA001", "U0LEE0002", "C0RELEASES"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: put `chromium` on the PATH."),
]


def gallery_app(sandbox: Sandbox) -> AsyncApp:
    """/release posts the card; `open` opens the form, whose `type` must be web; Home is published on opening."""
    app = app_of(sandbox)

    @app.command("/release")
    async def release(ack: Any, client: Any, command: Any) -> None:
        await ack()
        card = await client.chat_postMessage(channel=command["channel_id"], text="Card", blocks=CARD)
        text = f"Only {command['user_name']}"
        await client.chat_postEphemeral(channel=command["channel_id"], user=command["user_id"], text=text)
        await client.chat_postMessage(
            channel=command["channel_id"], thread_ts=card["ts"], text="Result", reply_broadcast=True
        )

    @app.action("open")
    @app.action("start")
    async def open_form(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.action("pause")
    async def pause(ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="Paused", replace_original=False)

    @app.options("v")
    async def suggest(ack: Any) -> None:
        await ack(options=[option("web"), option("api")])

    @app.view("form")
    async def submitted(ack: Any, view: Any) -> None:
        typed = view["state"]["values"]["type"]["v"]["value"]
        await (ack() if typed == "web" else ack(response_action="errors", errors={"type": "Type web."}))

    @app.event("app_home_opened")
    async def home(event: Any, client: Any) -> None:
        await client.views_publish(user_id=event["user"], view=HOME)

    return app


@asynccontextmanager
async def page_of(sandbox: Sandbox, **context: Any) -> AsyncIterator[Page]:
    """The page, in a browser; what it logs as an error, or what runs as code, fails the test."""
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(**context)
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: problems.append(f"code ran: {dialog.message}"))
        await page.goto(sandbox.page_url)
        await page.wait_for_selector("body[data-ready=true]")
        yield page
        await browser.close()
    assert not problems


@asynccontextmanager
async def gallery() -> AsyncIterator[tuple[Sandbox, Page]]:
    """A sandbox with the gallery's bot and a page."""
    async with (
        Sandbox(commands=[Command("/release", "Start", "v0.2.0")]) as sandbox,
        socket_bot(sandbox, gallery_app(sandbox)),
        page_of(sandbox) as page,
    ):
        yield sandbox, page


async def type_command(page: Page, text: str) -> None:
    await page.get_by_test_id("composer-input").fill(text)
    await page.get_by_test_id("composer-input").press("Enter")


async def test_a_story_from_command_to_field_error() -> None:
    async with gallery() as (sandbox, page):
        await page.get_by_test_id("composer-input").press_sequentially("/rel")
        await page.get_by_test_id("composer-input").press("Enter")
        await page.get_by_test_id("composer-input").press("Enter")
        card = page.locator("#timeline [data-testid=message]").filter(has_text="deploying").first
        await card.wait_for()
        assert await card.locator(".unknown").count() == 0
        assert await card.locator("strong", has_text="bold").count() == 1
        assert await card.get_by_text("<script>alert(1)</script>").count() == 1
        assert await card.locator("a[href^=javascript]").count() == 0

        await card.locator("[data-action-id=pause]").click()
        await page.get_by_test_id("confirm-accept").click()
        await page.get_by_test_id("timeline").get_by_text("Paused").wait_for()

        await card.locator("[data-action-id=open]").click()
        await fill_form(page, "wob")
        error = page.locator("[data-testid=field-error][data-block-id=type]")
        await page.get_by_test_id("modal-submit").click()
        await error.get_by_text("Type web.").wait_for()
        await page.locator("[data-block-id=type] input").fill("web")
        await page.get_by_test_id("modal-submit").click()
        await page.get_by_test_id("modal").wait_for(state="detached")
        assert not sandbox.views(DANA)


async def fill_form(page: Page, typed: str) -> None:
    modal = page.get_by_test_id("modal")
    await modal.wait_for()
    await modal.get_by_role("combobox", name="Service").click()
    await modal.get_by_role("option", name="Web").click()
    await modal.get_by_label("Why").select_option("errors")
    await modal.get_by_label("Changes").check()
    await modal.get_by_label("Staging").check()
    await modal.get_by_label("Type").fill(typed)


async def test_threads_people_and_home_work_from_the_keyboard() -> None:
    async with gallery() as (_, page):
        await type_command(page, "/release v1")
        await page.get_by_test_id("timeline").get_by_text("Only dana").wait_for()
        await page.get_by_role("button", name="1 reply").focus()
        await page.keyboard.press("Enter")
        await page.get_by_test_id("thread-input").fill("Thanks")
        await page.keyboard.press("Enter")
        await page.get_by_test_id("thread-panel").get_by_text("Thanks").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_test_id("thread-panel").wait_for(state="hidden")

        await page.get_by_test_id(f"user-{DANA}").get_by_role("radio").focus()
        await page.keyboard.press("ArrowDown")
        await page.get_by_text("as Lee Park").wait_for()
        await page.get_by_test_id("timeline").get_by_text("Only dana").wait_for(state="detached")

        await page.get_by_test_id("channel-D00LEE0002").click()
        home = page.get_by_test_id("home")
        await home.get_by_text("Page 1 of 2").wait_for()
        await home.get_by_role("button", name="Next").click()
        await home.get_by_text("two").wait_for()
        await home.get_by_role("button", name="Start a release…").press("Enter")
        await page.get_by_test_id("modal").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_test_id("modal").wait_for(state="detached")


async def test_without_a_bot_the_page_says_so_and_hostile_text_stays_text() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        await client.chat_postMessage(channel=CHANNEL, text=HOSTILE, blocks=[section(HOSTILE), *CARD[4:5]])
        strange = [{"type": "video", "alt_text": "v", "title": {"type": "plain_text", "text": "v"}}]
        strange[0] |= {"thumbnail_url": "https://v.example/t.png", "video_url": "https://v.example/v"}
        await client.chat_postMessage(channel=CHANNEL, text="The fallback", blocks=strange)
        async with page_of(sandbox, viewport={"width": 390, "height": 800}, color_scheme="dark") as page:
            await page.get_by_test_id("banner").get_by_text("not connected").wait_for()
            await page.get_by_text("The fallback", exact=False).first.wait_for()
            await page.get_by_text('block type "video"').wait_for()
            await page.locator("[data-action-id=open]").click()
            await page.get_by_test_id("click-warning").get_by_text("dispatch_failed").wait_for()
            await type_command(page, "/release v1")
            await page.locator("article.notice").get_by_text('the error "dispatch_failed"').wait_for()
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390
