"""What customers are told: a draft in the thread, edited in a form, sent once by who may, and never by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.sandbox.workspace import Message
from handlers.text import ids
from tests.acceptance.test_mail import bot_toml
from tests.mail_server import MailServer, html_of, open_mail_server, text_of
from tests.slack_house import KIM, LEE, SAM, SlackHouse, open_slack_house

NOTE = "feat: it\n\nCustomer-Note: Charges <b>repeat</b>.\nCustomer-Note-pt-BR: Cobranças se repetem."
ONLY_ENGLISH = "fix: totals\n\nCustomer-Note: Totals are right <!channel>."


@asynccontextmanager
async def house_with_customers(
    folder: Path, *subjects: str, channel: str = ""
) -> AsyncIterator[tuple[SlackHouse, MailServer]]:
    """A house whose customers have a channel and an address, with a release of these commits at its watch's end."""
    async with open_mail_server() as server:
        toml = (
            bot_toml(server)
            + f"""
[products.shop.customers]
channels = ["{channel or "C0COREHUB"}"]
to = ["one@customer.example", "two@customer.example"]
languages = ["en", "pt-BR"]
"""
        )
        async with open_slack_house(folder, bot_toml=toml) as house:
            house.history.subjects = list(subjects)
            yield house, server


def value(message: Message, action: str) -> str:
    found = (e for b in message.blocks for e in b.get("elements", ()) if e.get("action_id") == action)
    return str(next(found)["value"])


async def test_a_draft_is_edited_and_sent_once_by_who_may(tmp_path: Path) -> None:
    async with house_with_customers(tmp_path, ONLY_ENGLISH, NOTE, "chore: nothing for them") as (
        house,
        server,
    ):
        await house.slack_to_end()
        draft = await house.message("Draft for customers: shop v0.2.0")
        assert draft.thread_ts is not None
        said = str(draft.blocks)
        assert "• Charges &lt;b&gt;repeat&lt;/b&gt;." in said
        assert "1 note is not translated into Português" in said
        assert "nothing for them" not in said
        await house.quiet()
        assert not any("What is new" in message.text for message in house.posted())
        assert len(server.received) == 1  # the team's own

        await house.press(SAM, draft, ids.NOTE_EDIT)
        await house.told(SAM, "You cannot tell customers")
        await house.press(LEE, draft, ids.NOTE_EDIT)
        form = await house.form(LEE)
        await house.press(KIM, draft, ids.NOTE_EDIT)
        stale = await house.form(KIM)
        texts = {"note:en": {ids.INPUT: "We <3 totals."}, "note:pt-BR": {ids.INPUT: "Totais & cobranças."}}
        assert (await house.sandbox.submit(LEE, form.id, texts)).acked
        await house.sandbox.wait_for(lambda: "We &lt;3 totals." in str(house.find("Draft for")), 60)
        assert "Edited by <@U0LEE0002>" in (await house.message("Draft for customers")).text

        assert (await house.sandbox.submit(KIM, stale.id, texts)).acked
        await house.told(KIM, "out of date")
        fresh = await house.message("Draft for customers")
        pressed = value(fresh, ids.NOTE_SEND)
        await house.press(LEE, fresh, ids.NOTE_SEND, pressed)
        await house.press(LEE, fresh, ids.NOTE_SEND, pressed)
        await house.told(LEE, "Customers have been told of v0.2.0 already", "it is sent only once")
        post = await house.message("What is new in shop v0.2.0")
        assert (post.channel, post.thread_ts) == ("C0COREHUB", None)
        assert "O que há de novo em shop v0.2.0\nTotais &amp; cobranças." in post.text
        mail = (await server.until(2))[1]
        assert server.received[1][0] == ["one@customer.example", "two@customer.example"]
        assert (str(mail["To"]), mail["In-Reply-To"]) == ("undisclosed-recipients:;", None)
        assert "We <3 totals." in text_of(mail)
        assert "We &lt;3 totals." in html_of(mail)
        assert "rel_" not in text_of(mail)
        done = await house.message("Customers were told of shop v0.2.0")
        assert ids.NOTE_SEND not in str(done.blocks)
        await house.restart()
        await house.quiet()
        assert sum("What is new" in message.text for message in house.posted()) == 1
        assert len(server.received) == 2


async def test_nothing_for_customers_and_a_release_that_went_back(tmp_path: Path) -> None:
    async with house_with_customers(tmp_path, "feat: inside only") as (house, _):
        await house.slack_to_end()
        await house.quiet()
        assert house.find("for customers") is None
    folder = tmp_path / "second"
    folder.mkdir()
    async with house_with_customers(folder, NOTE) as (house, _):
        await house.slack_to_end()
        await house.message("Draft for customers: shop v0.2.0")
        await house.slack_roll_back()
        gone = await house.message("Customers are told nothing of shop v0.2.0: it went back")
        assert ids.NOTE_SEND not in str(gone.blocks)


async def test_a_channel_that_cannot_be_told_is_named(tmp_path: Path) -> None:
    async with house_with_customers(tmp_path, NOTE, channel="C0NOWHERE") as (house, _):
        await house.slack_to_end()
        draft = await house.message("Draft for customers: shop v0.2.0")
        await house.press(KIM, draft, ids.NOTE_SEND, value(draft, ids.NOTE_SEND))
        await house.sandbox.wait_for(
            lambda: "It could not be posted in <#C0NOWHERE>" in str(house.find("Customers were told")), 60
        )
