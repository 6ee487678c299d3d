"""Reminders, the digest, and news for who follows, as people read them."""

from pathlib import Path

from handlers.text import ids
from pipeline.digest import Digests
from pipeline.reminding import Reminding
from tests.slack_house import BOT_TOML, DANA, LEE, SAM, SlackHouse, open_slack_house


def reminding(house: SlackHouse) -> Reminding:
    return Reminding(house.db, house.config, lambda _: house.made, house.world.clock, house.nudge)


async def test_a_reminder_names_who_is_needed_and_says_later_that_it_was_answered(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        house.world.pass_time(hours=1)
        await reminding(house).look()
        told = await house.message("shop v0.2.0 has waited for your approval since")
        assert f"<@{LEE}>" in told.text
        assert DANA not in told.text
        assert told.thread_ts is not None
        await house.slack_approve(request)
        await house.message("shop v0.2.0: this has been answered")
        house.world.pass_time(hours=9)
        await reminding(house).look()
        await house.quiet()
        assert "waited for your approval" not in str(house.posted())


async def test_following_by_command_and_by_shortcut(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        card = await house.message("Release shop v0.2.0")
        await house.sandbox.message_shortcut(SAM, card.channel, card.ts, ids.FOLLOW_SHORTCUT)
        await house.told(SAM, "I tell you what becomes of shop v0.2.0")
        await house.type(LEE, "mute v0.2.0")
        await house.told(LEE, "I remind you of shop v0.2.0 no more")
        await house.type(LEE, "unfollow v0.2.0")
        await house.told(LEE, "You hear of shop v0.2.0 as everybody does")
        await house.slack_approve(request)
        news = await house.message("The first users get shop v0.2.0")
        assert news.channel != card.channel


async def test_the_digest_comes_once_a_day_in_the_channels_language(tmp_path: Path) -> None:
    toml = BOT_TOML.replace('channel = "', 'language = "pt-BR"\ntimezone = "America/Sao_Paulo"\nchannel = "')
    async with open_slack_house(tmp_path, bot_toml=toml + '[products.shop.digest]\nat = "09:00"\n') as house:
        digests = Digests(house.service, house.nudge)
        await digests.look()  # it is six in the morning there
        house.world.pass_time(hours=3)
        await digests.look()
        await digests.look()
        await house.message("shop hoje: produção: *v0.1.0* desde")
        house.world.pass_time(hours=3)
        await digests.look()
        await house.quiet()
        assert sum("shop hoje" in message.text for message in house.posted()) == 1
