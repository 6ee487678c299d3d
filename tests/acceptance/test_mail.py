"""E-mail beside the channel: announcements of releases, rollbacks and failures, and what goes wrong with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.mail_server import MailServer, html_of, open_mail_server, text_of
from tests.slack_house import BOT_TOML, DANA, SlackHouse, open_slack_house

TEAM, OPS = "team@shop.example", "ops@shop.example"


def bot_toml(server: MailServer) -> str:
    return (
        BOT_TOML
        + f"""
[products.shop.email]
from = "bot@shop.example"
to = ["{TEAM}", "{OPS}"]
host = "127.0.0.1"
port = {server.port}
security = "none"
"""
    )


@asynccontextmanager
async def mailing_house(folder: Path, language: str = "en") -> AsyncIterator[tuple[SlackHouse, MailServer]]:
    async with open_mail_server() as server:
        toml = bot_toml(server).replace('channel = "', f'language = "{language}"\nchannel = "')
        async with open_slack_house(folder, bot_toml=toml) as house:
            house.history.subjects = ["feat: <b>bold</b> *stars* & more"]
            yield house, server


async def test_a_release_and_its_rollback_are_announced_by_email(tmp_path: Path) -> None:
    async with mailing_house(tmp_path) as (house, server):
        shown = await house.slack_to_watch()
        live = (await server.until(1))[0]
        assert server.received[0][0] == [TEAM, OPS]
        assert str(live["Subject"]) == "shop v0.2.0 is live"
        assert live["Message-ID"] == f"<{shown.release.id}.announcement@shop.example>"
        assert "  - <b>bold</b> *stars* & more" in text_of(live)
        assert "&lt;b&gt;bold&lt;/b&gt; *stars* &amp; more" in html_of(live)
        assert "asked by dana, approved by lee" in text_of(live)
        assert "back to v0.1.0" in text_of(live)
        await house.slack_roll_back()
        back = (await server.until(2))[1]
        assert str(back["Subject"]) == "shop v0.2.0 was rolled back to v0.1.0"
        assert (back["Message-ID"], back["In-Reply-To"]) == (
            f"<{shown.release.id}.rollback@shop.example>", live["Message-ID"],
        )  # fmt: skip
        said = text_of(back)
        assert "Why: Orders are lost." in said
        assert "Users had it: everybody in the end, from" in said
        assert "users have v0.1.0 again; what v0.2.0 brought is gone" in said
        assert "Rolled back by: sam" in said
        assert "Next: production is locked; deal with the cause, then unlock" in said
        assert "<@" not in said + html_of(back)
        await house.ended(shown.release.id)
        await house.quiet()
        assert len(server.received) == 2


async def test_a_failure_is_told_in_the_products_language(tmp_path: Path) -> None:
    async with mailing_house(tmp_path, "pt-BR") as (house, server):
        house.world.failing.add("test-unit")
        shown = await house.slack_start()
        told = (await server.until(1))[0]
        assert str(told["Subject"]) == "shop v0.2.0 falhou antes da produção"
        assert told["Message-ID"] == f"<{shown.release.id}.result@shop.example>"
        assert "A produção continua com v0.1.0" in text_of(told)
        assert '<html lang="pt-BR">' in html_of(told)
        house.world.failing.clear()
        await house.type(DANA, "retry")
        await house.waits_for(shown.release.id, "checklist")
        await house.quiet()
        assert len(server.received) == 1


async def test_a_server_that_is_away_holds_up_nothing_and_gets_it_later(tmp_path: Path) -> None:
    async with mailing_house(tmp_path) as (house, server):
        await server.stop()
        await house.slack_to_watch()
        await house.message("The e-mail about shop v0.2.0: It could not be sent yet:")
        await house.message("shop v0.2.0 is live")
        await server.start()
        assert str((await server.until(1))[0]["Subject"]) == "shop v0.2.0 is live"
        told = await house.message("The e-mail about shop v0.2.0: It could not be sent at")
        assert told.thread_ts is not None
        assert "and was sent at" in told.text


async def test_a_refused_recipient_is_named_and_a_busy_one_is_tried_again(tmp_path: Path) -> None:
    async with mailing_house(tmp_path) as (house, server):
        server.answers = {TEAM: "550 <!channel> no such person", OPS: "451 come back later"}
        await house.slack_to_watch()
        told = await house.message(f"The server refused the recipient {TEAM}")
        assert "550 &lt;!channel&gt; no such person" in told.text
        server.answers = {TEAM: "550 no such person"}
        await server.until(1)
        await house.message("and was sent at")
        await house.quiet()
        assert [recipients for recipients, _ in server.received] == [[OPS]]


async def test_after_a_day_it_is_given_up_and_said_so(tmp_path: Path) -> None:
    async with mailing_house(tmp_path) as (house, server):
        server.data = "451 not today"
        await house.slack_to_watch()
        await house.message("It could not be sent yet")
        house.world.pass_time(hours=25)
        told = await house.message("It was not sent, and is not tried again")
        assert "451 not today" in told.text
        await house.quiet()


async def test_a_restart_sends_what_was_left_and_nothing_twice(tmp_path: Path) -> None:
    async with mailing_house(tmp_path) as (house, server):
        await server.stop()
        shown = await house.slack_to_watch()
        await house.message("It could not be sent yet")
        await house.restart()
        await server.start()
        got = (await server.until(1))[0]
        assert got["Message-ID"] == f"<{shown.release.id}.announcement@shop.example>"
        await house.restart()
        await house.quiet()
        assert len(server.received) == 1
