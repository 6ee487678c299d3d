"""E-mail against a real SMTP server: encryption, login, and what becomes of each recipient."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.smtp import SmtpMailer
from pipeline.config_email import Email
from pipeline.errors import MailError, MailRefusedError
from pipeline.ports import Letter, Mail, Posted
from tests.mail_server import PASSWORD, USER, MailServer, ca_file, html_of, open_mail_server, text_of

TEAM = ("team@shop.example", "ops@shop.example")
LETTER = Letter("shop v0.2.0 is live — São Paulo", "Olá, team.\n", "<p>Olá, team.</p>")
MAIL = Mail("<01.announcement@shop.example>", TEAM, TEAM, LETTER, datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


def mailer(server: MailServer, ca: Path | None = None, password: str | None = PASSWORD) -> SmtpMailer:
    told = {"from": "bot@shop.example", "to": TEAM, "host": "127.0.0.1", "port": server.port}
    login = {"user": USER} if server.login else {}
    settings = Email.model_validate({**told, **login, "security": server.security, "ca_file": ca})
    return SmtpMailer(settings, "shop releases", lambda: password)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_an_email_arrives_as_it_was_written(security: str, tmp_path: Path) -> None:
    async with open_mail_server(security, login=security == "starttls") as server:
        ca = None if security == "none" else ca_file(tmp_path)
        assert await mailer(server, ca).send(MAIL) == Posted(TEAM)
        (recipients, got), encrypted = server.received[0], server.encrypted[0]
        assert recipients == list(TEAM)
        assert encrypted is (security != "none")
        assert (text_of(got), html_of(got).strip()) == ("Olá, team.\n", "<p>Olá, team.</p>")
        assert str(got["Subject"]) == "shop v0.2.0 is live — São Paulo"
        assert (got["Message-ID"], got["Auto-Submitted"]) == (MAIL.id, "auto-generated")
        assert str(got["From"]) == "shop releases <bot@shop.example>"
        assert str(got["To"]) == "team@shop.example, ops@shop.example"


async def test_who_is_refused_for_good_and_who_for_now(tmp_path: Path) -> None:
    async with open_mail_server() as server:
        server.answers = {TEAM[0]: "550 no such person"}
        assert await mailer(server).send(MAIL) == Posted((TEAM[1],), {TEAM[0]: "550 no such person"})
        server.answers = {TEAM[0]: "550 no such person", TEAM[1]: "451 come back later"}
        both = Posted((), {TEAM[0]: "550 no such person"}, {TEAM[1]: "451 come back later"})
        assert await mailer(server).send(MAIL) == both
        assert len(server.received) == 1


async def test_an_email_that_is_refused_as_such_is_not_tried_again() -> None:
    async with open_mail_server() as server:
        server.data = "552 too large"
        with pytest.raises(MailRefusedError, match="answered 552 too large"):
            await mailer(server).send(MAIL)
        server.data = "451 greylisted"
        with pytest.raises(MailError, match="answered 451 greylisted") as caught:
            await mailer(server).send(MAIL)
        assert not isinstance(caught.value, MailRefusedError)


async def test_no_server_a_stranger_and_a_wrong_password(tmp_path: Path) -> None:
    async with open_mail_server("starttls", login=True) as server:
        with pytest.raises(MailError, match="certificate verify failed"):
            await mailer(server).send(MAIL)
        with pytest.raises(MailError, match=r"ca_file .* cannot be read"):
            await mailer(server, tmp_path / "none.pem").send(MAIL)
        ca = ca_file(tmp_path)
        with pytest.raises(MailError, match="535") as caught:
            await mailer(server, ca, "wr0ng-password").send(MAIL)
        assert "wr0ng-password" not in str(caught.value)
        with pytest.raises(MailError, match="wants a password, and none is set"):
            await mailer(server, ca, None).send(MAIL)
        assert server.received == []
    with pytest.raises(MailError, match=r"127\.0\.0\.1:\d+ cannot be used"):
        await mailer(server, ca).send(MAIL)


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with open_mail_server("none") as server:
        told = {"from": "bot@shop.example", "to": TEAM, "host": "127.0.0.1", "port": server.port}
        with pytest.raises(MailError, match="STARTTLS"):
            await SmtpMailer(Email.model_validate(told), "shop", lambda: None).send(MAIL)
        assert server.received == []


async def test_no_header_can_be_added_by_what_outsiders_wrote() -> None:
    letter = Letter("live\r\nBcc: eve@evil.example", "text\n", "<p>text</p>")
    async with open_mail_server() as server:
        await mailer(server).send(Mail(MAIL.id, TEAM, TEAM, letter, MAIL.at))
        recipients, got = server.received[0]
        assert recipients == list(TEAM)
        assert (str(got["Subject"]), got["Bcc"]) == ("live Bcc: eve@evil.example", None)


async def test_customers_do_not_see_each_other() -> None:
    async with open_mail_server() as server:
        await mailer(server).send(Mail(MAIL.id, (), ("one@a.example",), LETTER, MAIL.at))
        assert str(server.received[0][1]["To"]) == "undisclosed-recipients:;"
