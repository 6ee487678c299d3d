"""Flags in Slack: the list with its buttons, one confirmation for a switch, and the news in the channel."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Message
from handlers.text import ids
from pipeline import turning
from pipeline.adapters.flags.file import FileFlags
from pipeline.errors import PipelineError, ReadBackError
from pipeline.policy import Actor
from pipeline.ports import Person, Switched
from tests.flags import document, flag, states, store, world
from tests.house import PATIENCE
from tests.slack_forge import press_forged
from tests.slack_house import (
    BOT_TOML,
    GUEST,
    KIM,
    OUTSIDER,
    SAM,
    TEAM,
    SlackHouse,
    open_slack_house,
)

SWITCH = "auto-approval"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[SlackHouse]:
    async with open_slack_house(tmp_path, world=world()) as house:
        yield house


async def answer(house: SlackHouse, user: str, text: str) -> Message:
    """The newest answer that only this person sees and that says this."""
    await house.told(user, text)
    return await answer_of(house.sandbox, user, text)


async def answer_of(sandbox: Sandbox, user: str, text: str) -> Message:
    def found() -> list[Message]:
        return [message for message in sandbox.ephemerals(user) if text in message.text]

    return (await sandbox.wait_for(found, PATIENCE))[-1]


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    """The switches of a message, by what a screen reader says of them."""
    found = [block.get("accessory") for block in message.blocks]
    found += [element for block in message.blocks for element in block.get("elements", ())]
    return {b["accessibility_label"]: b for b in found if b and b.get("action_id") == ids.FLAG}


def button_of(question: Message) -> dict[str, Any]:
    (button,) = buttons(question).values()
    return button


async def test_the_list_shows_how_flags_stand_and_a_button_switches_one(house: SlackHouse) -> None:
    await house.type(KIM, "flags")
    board = await answer(house, KIM, "Flags of shop. production: human-in-the-loop on, auto-approval off")
    shown = str(board.blocks)
    assert "`human-in-the-loop` — *on* · ✅ safe" in shown
    assert "`auto-approval` — *off* · ✅ safe · as it was deployed" in shown
    labels = buttons(board)
    assert set(labels) == {"Switch auto-approval on in production", "Switch auto-approval on in staging"}
    button = labels["Switch auto-approval on in production"]
    assert button["confirm"]["title"]["text"] == "Switch auto-approval on in production?"
    assert "NOT its safe state" in button["confirm"]["text"]["text"]

    await house.press(KIM, board, ids.FLAG, button["value"])
    await house.told(KIM, "`auto-approval` is on in production of shop", "An application reads it so")
    assert await states(house) == {"human-in-the-loop": True, SWITCH: True}
    news = await house.message("shop: `auto-approval` is on in production")
    assert (news.thread_ts, f"<@{KIM}> switched it" in str(news.blocks)) == (None, True)
    assert "⚠️" in str(news.blocks)
    assert "Its safe state is off" in str(news.blocks)

    await house.type(KIM, "flags")
    board = await answer(house, KIM, "auto-approval on")
    assert f"⚠️ not safe: that is off · switched by <@{KIM}>" in str(board.blocks)
    assert "Switch auto-approval off in production" in buttons(board)


async def test_a_command_with_a_reason_asks_once(house: SlackHouse) -> None:
    await store(house).switch(SWITCH, True, "U0DANA", "")
    await house.type(SAM, f"flags {SWITCH} off production too many complaints <!here>")
    question = await answer(house, SAM, "Switch auto-approval off in production?")
    assert (await states(house))[SWITCH] is True
    assert "confirm" not in button_of(question)
    await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
    news = await house.message("`auto-approval` is off in production")
    assert "> too many complaints &lt;!here&gt;" in str(news.blocks)
    assert "before: on" in news.text
    assert (await states(house))[SWITCH] is False

    await house.type(SAM, f"flags {SWITCH} off")
    await house.told(SAM, "`auto-approval` is off in production of shop. It was so already.")


async def test_a_click_that_comes_twice_is_one_switch_and_one_message(house: SlackHouse) -> None:
    await house.type(SAM, f"flags {SWITCH} on")
    question = await answer(house, SAM, "Switch auto-approval on")
    await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
    await house.told(SAM, "An application reads it so")
    await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
    await house.told(
        SAM, "`auto-approval` is on in production of shop. It was so already. An application reads it so."
    )
    await house.quiet()
    assert len([m for m in house.posted() if "`auto-approval` is on" in m.text]) == 1


@pytest.mark.parametrize(
    ("user", "why", "why_pressed"),
    [
        (KIM, "You cannot switch flags.", "You cannot switch flags."),
        (GUEST, "is a guest", "is a guest"),
        (OUTSIDER, "belongs to another organisation", "You cannot do that here."),
    ],
)
async def test_whoever_may_not_is_told_so(user: str, why: str, why_pressed: str, tmp_path: Path) -> None:
    """Typed, and with the button of somebody who may."""
    bot_toml = BOT_TOML.replace("rollback =", f'flags = ["{SAM}", "{GUEST}", "{OUTSIDER}"]\nrollback =')
    async with open_slack_house(tmp_path, world=world(), bot_toml=bot_toml) as house:
        await house.type(user, f"flags {SWITCH} on")
        await house.told(user, why)
        await house.type(SAM, f"flags {SWITCH} on")
        question = await answer(house, SAM, "Switch auto-approval on")
        before = len(house.told_so_far(user))
        await press_forged(house, user, question, ids.FLAG, button_of(question)["value"])
        assert why_pressed in await house.next_answer(user, before)
        assert (await states(house))[SWITCH] is False


TAMPERED = (
    "",
    "rel_1:2",
    "[]",
    json.dumps(["other", "production", SWITCH, True, ""]),
    json.dumps(["shop", "production", SWITCH, "yes", ""]),
    json.dumps(["shop", "qa", SWITCH, True, ""]),
    json.dumps(["shop", "production", "x" * 1900, True, ""]),
)


async def test_a_value_that_was_tampered_with_does_nothing(house: SlackHouse) -> None:
    await house.type(SAM, f"flags {SWITCH} on")
    question = await answer(house, SAM, "Switch auto-approval on")
    for value in TAMPERED:
        before = len(house.told_so_far(SAM))
        await press_forged(house, SAM, question, ids.FLAG, value)
        assert "🚫" in await house.next_answer(SAM, before)
    assert (await states(house))[SWITCH] is False


async def test_what_was_mistyped_is_explained(house: SlackHouse) -> None:
    for typed, why in (
        ("flags auto-aproval off", "Did you mean auto-approval?"),
        ("flags nonsense on", "There is no flag `nonsense` in production"),
        ("flags auto-approval off stagging", "Did you mean staging?"),
    ):
        await house.type(SAM, typed)
        await house.told(SAM, why, "Next:")


async def test_a_locked_product_in_trouble_can_still_be_switched(house: SlackHouse) -> None:
    release = await house.slack_to_watch()
    sam = Actor(SAM, TEAM)
    await turning.roll_back(house.service, sam, release.release.id, "on fire", False, house.click())
    await house.ended(release.release.id)
    house.world.failing |= {"fetch", "router-production", "router-staging"}
    await house.type(SAM, f"flags {SWITCH} on")
    question = await answer(house, SAM, "Switch auto-approval on")
    await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
    await house.told(SAM, "An application reads it so")


async def test_without_slacks_directory_nobody_may(house: SlackHouse) -> None:
    house.made = replace(house.made, directory=_Gone())
    await house.type(SAM, f"flags {SWITCH} on")
    await house.told(SAM, "I could not check who you are, so I did nothing")


class _Gone:
    async def person(self, user_id: str) -> Person:
        raise PipelineError("users.info said internal_error")

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        return frozenset()

    async def is_shared(self, channel: str) -> bool:
        return False


class Unconfirmed(FileFlags):
    """A store whose switches no application gets."""

    async def switch(self, key: str, on: bool, actor: str, reason: str) -> Switched:
        raise ReadBackError("BUT THAT AN APPLICATION GETS IT COULD NOT BE CONFIRMED: it gets on. Next: look.")


async def test_what_cannot_be_confirmed_is_said_aloud(house: SlackHouse) -> None:
    broken = Unconfirmed(store(house).folder, "shop production")
    house.made = replace(house.made, flags={**house.made.flags, "production": broken})
    await house.type(SAM, f"flags {SWITCH} on")
    question = await answer(house, SAM, "Switch auto-approval on")
    await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
    await house.told(SAM, "could NOT confirm it", "docs/flags.md")
    news = await house.message("It could NOT be confirmed")
    assert f"<@{SAM}>" in str(news.blocks)
    assert "<!subteam^S0APPROVE>" in str(news.blocks)


async def test_flags_with_rules_and_in_any_number_and_script(house: SlackHouse) -> None:
    many = {f"flag_{number}": flag() for number in range(300)}
    hostile = {
        "<!here>*`x`*": flag("on"),
        "自動承認": flag(targeting={"if": [True, "on"]}),
        "y" * 250: flag(),
    }
    store(house).path.write_text(document(**many, **hostile))
    await house.type(SAM, "flags")
    board = await answer(house, SAM, "Flags of shop")
    shown = str(board.blocks)
    assert "<!here>" not in shown
    assert "more_" in shown
    store(house).path.write_text(document(**hostile))
    await house.type(SAM, "flags")
    board = await answer(house, SAM, "自動承認 rules decide, else off")
    await house.type(SAM, "flags 自動承認 off")
    question = await answer(house, SAM, "Switch 自動承認 off")
    await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
    news = await house.message("`自動承認` is off in production")
    assert "The rules that decided before are out of force" in str(news.blocks)


async def test_a_file_that_is_damaged_is_said(house: SlackHouse) -> None:
    store(house).path.write_text("{")
    await house.type(SAM, "flags")
    board = await answer(house, SAM, "production: cannot be read")
    assert "is not a file of flags" in str(board.blocks)
    await house.type(SAM, f"flags {SWITCH} off")
    await house.told(SAM, "is not a file of flags", "Next:")


async def test_the_checklist_says_why_it_stays_open(house: SlackHouse) -> None:
    await store(house).switch(SWITCH, True, "U0DANA", "")
    await house.slack_start()
    message = await house.message("Checklist before shop v0.2.0")
    assert "the bot could not prove it · in production the flag auto-approval is on; safe is off" in str(
        message.blocks
    )


async def test_the_news_is_in_the_channels_language_and_the_answer_in_the_readers(tmp_path: Path) -> None:
    bot_toml = BOT_TOML.replace("[products.shop]", '[products.shop]\nlanguage = "pt-BR"', 1)
    async with open_slack_house(tmp_path, world=world(), bot_toml=bot_toml) as house:
        await house.type(SAM, f"flags {SWITCH} on")
        question = await answer(house, SAM, "Switch auto-approval on in production?")
        await house.press(SAM, question, ids.FLAG, button_of(question)["value"])
        await house.message("shop: `auto-approval` está ligada em production")
