"""Stories of a night and a day, at the page and in both languages; each leaves its pictures in build/screenshots."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from handlers.text import ids
from tests.acceptance.screen import CHROMIUM, LATER, SHOTS, Screen, open_browser, open_page
from tests.slack_house import BOT_TOML, DANA, KIM, LEE, SAM, SlackHouse, open_slack_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: put `chromium` on the PATH."),
]
PEOPLE = "[products.shop.people]"
LOCALES = {"en": "en-US", "pt-BR": "pt-BR"}
ALONE = """
[products.shop.approval]
alone_after = "10m"
[[products.shop.freezes]]
name = "Black Friday week"
from = "2026-11-20"
to = "2026-11-30"
hotfix = true
"""
TWO = "[products.shop.approval]\nneeded = 2\n"


@dataclass
class Stage:
    """A page, and the world that its bot works on."""

    house: SlackHouse
    screen: Screen

    async def asks(self, action: str, version: str = "v0.2.0") -> Locator:
        """The newest message about a version that has this button."""
        page = self.screen.page
        found = page.locator("#timeline [data-testid=message]").filter(has_text=f"shop {version}")
        found = found.filter(has=page.locator(f'[data-action-id="{action}"]')).last
        await found.wait_for(timeout=LATER)
        return found

    async def only_you(self, text: str) -> Locator:
        """The newest answer that the acting person alone sees."""
        return await self.screen.message(text)

    async def start(self, version: str = "v0.2.0") -> None:
        """Dana asks for it, and ticks what people have to."""
        await self.screen.act_as(DANA)
        await self.screen.type(f"/release {version}")
        await self.tick(version)

    async def tick(self, version: str) -> None:
        await self.screen.tick_all(await self.asks(ids.TICK, version))

    async def approve(self, user: str, version: str = "v0.2.0") -> None:
        await self.screen.act_as(user)
        request = await self.asks(ids.APPROVE, version)
        form = await self.screen.form(lambda: self.screen.press(request, ids.APPROVE))
        for box in await form.locator("input[type=checkbox]").all():
            await box.check()
        await self.screen.send_form()

    async def give_reason(self, action: str, user: str, reason: str, version: str = "v0.2.0") -> None:
        await self.screen.act_as(user)
        asked = await self.asks(action, version)
        form = await self.screen.form(lambda: self.screen.press(asked, action))
        await form.locator("textarea").fill(reason)
        await self.screen.send_form()

    async def into_production(self, version: str = "v0.2.0") -> str:
        """The canary has its time; gives the release, which is being watched."""
        release = (await self.house.shown(version)).release.id
        await self.house.through_canary(release)
        await self.house.waits_for(release, "watch")
        return release


async def a_release_with_two_approvers(stage: Stage) -> None:
    await stage.start()
    await stage.approve(LEE)
    first = await stage.asks(ids.APPROVE)
    await expect(first).to_contain_text("1 ", timeout=LATER)
    await stage.screen.shot("one-of-two", first)
    await stage.screen.act_as(LEE)
    await stage.screen.press(first, ids.APPROVE)
    await first.get_by_role("button", name="a thread").click()
    await stage.screen.in_thread("🚫")
    await stage.screen.shot("the-same-person-again")
    await stage.screen.close_thread()
    await stage.approve(KIM)
    await stage.into_production()
    card = await stage.asks(ids.ROLLBACK)
    await stage.screen.shot("in-production", card)


async def a_rejected_release(stage: Stage) -> None:
    await stage.start()
    await stage.screen.shot("request", await stage.asks(ids.APPROVE))
    await stage.give_reason(ids.REJECT, LEE, "Amounts in pounds are off by one.")
    said = await stage.screen.message("off by one")
    await stage.screen.shot("rejected", said)
    assert stage.house.world.done("shift") == []


async def a_rollback_at_night(stage: Stage) -> None:
    await stage.screen.page.emulate_media(color_scheme="dark")
    await stage.start()
    await stage.approve(LEE)
    release = await stage.into_production()
    await stage.screen.act_as(SAM)
    form = await stage.screen.form(lambda: stage.screen.type("/rollback"))
    await stage.screen.shot("what-would-happen")
    await form.locator("textarea").fill("Orders are lost since 3 o'clock.")
    await stage.screen.send_form()
    await stage.house.ended(release)
    await stage.screen.shot("told", await stage.screen.message("Orders are lost since 3 o'clock."))
    await stage.screen.shot("card", await stage.asks(ids.SITE_LINK))


async def a_hotfix_in_a_freeze(stage: Stage) -> None:
    await stage.screen.act_as(DANA)
    await stage.screen.type("/release v0.2.0")
    await stage.screen.shot("refused", await stage.only_you("🚫"))
    await stage.screen.type("/release hotfix v0.2.0 Orders are lost")
    await stage.screen.shot("declared", await stage.screen.message("Orders are lost"))
    await stage.tick("v0.2.0")
    await stage.asks(ids.APPROVE)
    stage.house.world.pass_time(minutes=11)
    await stage.house.strike()
    await stage.give_reason(ids.ALONE, DANA, "Lee and Kim: called twice, no answer.")
    await stage.into_production()
    await stage.screen.shot("alone", await stage.screen.message("called twice"))
    await stage.screen.shot("announced", await stage.asks(ids.ROLLBACK))


async def a_scheduled_release(stage: Stage) -> None:
    await stage.screen.act_as(DANA)
    await stage.screen.type("/release schedule v0.2.0 in 2h")
    planned = await stage.asks(ids.UNSCHEDULE)
    await stage.screen.shot("scheduled", planned)
    stage.house.world.pass_time(hours=2)
    await stage.house.strike()
    await stage.tick("v0.2.0")
    await stage.screen.shot("started", await stage.asks(ids.APPROVE))


async def a_queue_of_three(stage: Stage) -> None:
    await stage.start("v0.2.0")
    for version in ("v0.3.0", "v0.4.0", "v0.5.0"):
        await stage.screen.type(f"/release queue {version}")
        await stage.asks(ids.UNSCHEDULE, version)
    await stage.screen.type("/release queue")
    await stage.screen.shot("three-wait", await stage.only_you("v0.5.0"))
    await stage.give_reason(ids.REJECT, LEE, "Not today.")
    await stage.house.ended((await stage.house.shown("v0.2.0")).release.id)
    await stage.house.strike()
    await stage.screen.shot("after-a-rejection", await stage.screen.message("v0.3.0"))


async def what_was_left_out(stage: Stage) -> None:
    screen, day = stage.screen, (stage.house.world.now + timedelta(days=1)).date()
    await screen.act_as(DANA)
    form = await screen.form(lambda: screen.type("/release schedule v0.2.0"))
    await form.locator("input[type=date]").fill(str(day))
    await form.locator("input[type=time]").fill("10:00")
    await screen.shot("schedule")
    await screen.send_form()
    await screen.shot("scheduled", await stage.asks(ids.UNSCHEDULE))
    await screen.type("/release lock stagging for 2h")
    refusal = await screen.message("stagging")
    await screen.shot("mistyped", refusal)
    form = await screen.form(lambda: screen.press(refusal, ids.FILL))
    await screen.refused(ids.REASON, "")
    await screen.shot("lock")
    await form.locator("textarea").fill("Trying the new import.")
    await screen.send_form()
    await screen.message("Trying the new import.")
    await screen.form(lambda: screen.type("/release unlock"))
    await screen.shot("unlock")
    await screen.send_form()
    await screen.form(lambda: screen.type("/release unschedule"))
    await screen.shot("unschedule")
    await screen.send_form()


STORIES: Mapping[str, tuple[Callable[[Stage], Awaitable[None]], str]] = {
    "two-approvers": (a_release_with_two_approvers, TWO),
    "rejected": (a_rejected_release, ""),
    "rollback": (a_rollback_at_night, ""),
    "hotfix": (a_hotfix_in_a_freeze, ALONE),
    "scheduled": (a_scheduled_release, ""),
    "queue": (a_queue_of_three, ""),
    "forms": (what_was_left_out, ""),
}


async def told(browser: Browser, folder: Path, story: str, language: str) -> None:
    """Play a story in a world of its own, in one language."""
    play, more = STORIES[story]
    spoken = f'language = "{language}"\ntimezone = "America/Sao_Paulo"\n{PEOPLE}'
    toml = BOT_TOML.replace(PEOPLE, spoken) + more
    folder.mkdir()
    async with (
        open_slack_house(folder, bot_toml=toml, locale=LOCALES[language]) as house,
        open_page(browser, house.sandbox.page_url, "shop") as screen,
    ):
        screen.folder = SHOTS / "stories" / language / story
        house.history.subjects = ["feat: show the VAT of a charge", "fix!: read amounts in pounds"]
        await play(Stage(house, screen))


@pytest.mark.parametrize("story", STORIES)
async def test_a_story_in_both_languages(tmp_path: Path, story: str) -> None:
    async with open_browser() as browser:
        for language in LOCALES:
            await told(browser, tmp_path / language, story, language)
