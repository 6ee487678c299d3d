"""Two products in one bot: the channel says which one is meant, and where it does not, a form asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bot.sandbox.people import Channel
from bot.sandbox.workspace import View
from handlers.text import ids
from tests.acceptance.test_wrong_input import teaches
from tests.slack_house import BOT_TOML, CHANNEL, DANA, SAM, SlackHouse, open_slack_house
from tests.world import World, ports

OFFICE, LOBBY = "C0COREHUB", "C0LOBBY"
SECOND = BOT_TOML.replace("[products.shop", "[products.office").replace(CHANNEL, OFFICE)
SECOND = (
    SECOND.replace("9001", "9003").replace("9002", "9004").replace("9100", "9300").replace("9200", "9400")
)
ONE_CHANNEL = SECOND.replace(OFFICE, CHANNEL)


@asynccontextmanager
async def opened(folder: Path, second: str = SECOND) -> AsyncIterator[SlackHouse]:
    """Shop and office, each with its own repository, and a lobby that the bot is not in."""
    async with open_slack_house(folder, bot_toml=BOT_TOML + second) as house:
        other = World()
        other.playbook = other.playbook.replace('product = "shop"', 'product = "office"')
        made = ports(other, house.config.products["office"], folder / "office")
        house.others["office"] = replace(made, directory=house.face.directory)
        lobby = Channel(LOBBY, "lobby", {DANA, SAM}, topic="Everything else")
        house.sandbox.workspace.add_channel(lobby)
        yield house


async def type_in(house: SlackHouse, channel: str, text: str, command: str = "/release") -> None:
    assert (await house.sandbox.command(DANA, channel, command, text)).acked


async def choose(house: SlackHouse, product: str) -> None:
    """Answer the form that asks for the product."""
    view = await house.form(DANA)
    assert view.content["title"]["text"] == "Which product?"
    assert (await house.sandbox.submit(DANA, view.id, {ids.PRODUCT: {ids.INPUT: product}})).acked


async def next_form(house: SlackHouse, title: str) -> View:
    def found() -> list[View]:
        return [v for v in house.sandbox.views(DANA) if v.content["title"]["text"] == title]

    return (await house.sandbox.wait_for(found, 20))[-1]


def channel_of(house: SlackHouse, text: str) -> str:
    found = house.find(text)
    assert found is not None
    return found.channel


async def test_the_channel_says_which_product_is_meant(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await type_in(house, OFFICE, "status")
        await house.told(DANA, "Nothing has been released yet")
        await type_in(house, CHANNEL, "status")
        await house.told(DANA, "shop v0.1.0 — live in production")
        await type_in(house, OFFICE, "v0.2.0")
        await house.message("Release office v0.2.0")
        await type_in(house, CHANNEL, "v0.2.0")
        await house.message("Checklist before shop v0.2.0")
        await type_in(house, OFFICE, "lock staging moving in")
        await house.message("Staging of office is locked")
        assert channel_of(house, "Release office v0.2.0") == OFFICE
        assert channel_of(house, "Release shop v0.2.0") == CHANNEL


async def test_in_a_channel_of_none_a_form_asks_and_the_command_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await type_in(house, LOBBY, "status")
        await choose(house, "office")
        await told_directly(house, "Nothing has been released yet")
        await type_in(house, LOBBY, "")
        start = await next_form(house, "Start a release")
        chosen = {ids.PRODUCT: {ids.INPUT: "office"}, ids.VERSION: {ids.INPUT: "v0.2.0"}}
        assert (await house.sandbox.submit(DANA, start.id, chosen)).acked
        await house.message("Release office v0.2.0")
        await type_in(house, LOBBY, "lock")
        await choose(house, "office")
        lock = await next_form(house, "Lock an environment")
        values = {ids.ENVIRONMENT: {ids.INPUT: "staging"}, ids.REASON: {ids.INPUT: "moving in"}}
        assert (await house.sandbox.submit(DANA, lock.id, values)).acked
        await house.message("Staging of office is locked")
        await told_directly(house, f"Done; it is told in <#{OFFICE}>.")
        await type_in(house, LOBBY, "", "/rollback")
        await choose(house, "shop")
        await told_directly(house, "v0.1.0 has no version before it")


async def told_directly(house: SlackHouse, text: str) -> None:
    """The bot is not in the lobby: what it has to say comes as a direct message."""
    direct = house.sandbox.workspace.channel(DANA).id
    await house.sandbox.wait_for(
        lambda: any(text in m.text and m.channel == direct for m in house.sandbox.workspace.messages), 20
    )


async def test_in_a_channel_of_two_products_a_form_asks(tmp_path: Path) -> None:
    async with opened(tmp_path, ONE_CHANNEL) as house:
        await type_in(house, CHANNEL, "status")
        await choose(house, "shop")
        await house.told(DANA, "shop v0.1.0 — live in production")
        await type_in(house, CHANNEL, "x" * 2_000)
        teaches(await house.told(DANA, "Which product?", "office"))
