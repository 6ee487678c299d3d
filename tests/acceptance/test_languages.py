"""The channel reads its own language, and each person theirs."""

from pathlib import Path

from handlers.text import ids
from tests.slack_house import BOT_TOML, DANA, KIM, LEE, SlackHouse, open_slack_house

WHERE = 'channel = "C0RELEASES"'


def texts(house: SlackHouse) -> str:
    return "\n".join(message.text for message in house.posted())


async def test_a_channel_that_reads_portuguese_and_people_who_do_not(tmp_path: Path) -> None:
    toml = BOT_TOML.replace(WHERE, f'{WHERE}\nlanguage = "pt-BR"')
    async with open_slack_house(tmp_path, bot_toml=toml) as house:
        await house.type(DANA, "v0.2.0")
        await house.message("Checklist antes de shop v0.2.0")
        await house.tick_by_hand("Checklist antes de shop v0.2.0")
        request = await house.message("precisa de aprovação")
        house.sandbox.workspace.users[KIM].locale = "pt-BR"
        await house.press(KIM, request, ids.APPROVE)
        assert (await house.form(KIM)).content["title"]["text"] == "Aprovar v0.2.0"
        await house.press(LEE, request, ids.APPROVE)
        assert (await house.form(LEE)).content["title"]["text"] == "Approve v0.2.0"
        await house.press(DANA, request, ids.APPROVE)
        await house.told(DANA, "You cannot approve this release", "four eyes")
        assert "Started by" not in texts(house)


async def test_a_refusal_is_in_the_language_of_who_is_refused(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path, locale="pt-BR") as house:
        await house.type(DANA, "v0.1.0")
        await house.told(DANA, "v0.1.0", "já está no ar", "Próximo passo:")
