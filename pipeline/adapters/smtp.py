"""E-mail by SMTP (ports.Mailer): encrypted unless bot.toml says otherwise, and bounded in time."""

import asyncio
import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponseException

from pipeline.config_email import Email
from pipeline.errors import MailError, MailRefusedError
from pipeline.plain import plain
from pipeline.ports import Mail, Posted

SECONDS = 20.0
"""The longest that handing one e-mail over may take: less than one attempt of the outbox may."""

Answers = dict[str, tuple[int, str]]


class SmtpMailer:
    """One product's mail server. `password` is asked for at each login, so that it is kept nowhere."""

    def __init__(self, settings: Email, name: str, password: Callable[[], str | None]) -> None:
        self._settings, self._name, self._password = settings, name, password

    async def send(self, mail: Mail) -> Posted:
        """Connect, log in where a user is set, hand over, and say what became of each recipient."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._send(mail)
        except SMTPResponseException as error:
            raise _meaning(error) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailError(
                f"{self._where} cannot be used: {plain(str(error) or 'no answer in time', 200)}"
            ) from error

    @property
    def _where(self) -> str:
        return f"The mail server {self._settings.host}:{self._settings.at_port}"

    async def _send(self, mail: Mail) -> Posted:
        at, secure = self._settings, self._settings.security
        client = SMTP(
            hostname=at.host,
            port=at.at_port,
            timeout=SECONDS,
            use_tls=secure == "tls",
            start_tls=secure == "starttls",
            tls_context=None if secure == "none" else await asyncio.to_thread(_trusting, at.ca_file),
            local_hostname=at.sender.partition("@")[2],
        )
        async with client:
            if at.user:
                await client.login(at.user, self._secret())
            return await self._hand_over(client, mail)

    def _secret(self) -> str:
        if found := self._password():
            return found
        raise MailError(
            f"{self._where} wants a password, and none is set. Next: set PRODUCT_EMAIL_PASSWORD where the bot runs."
        )

    async def _hand_over(self, client: SMTP, mail: Mail) -> Posted:
        message = written(mail, self._name, self._settings.sender)
        refused: Answers
        try:
            said, _ = await client.send_message(
                message, sender=self._settings.sender, recipients=list(mail.recipients)
            )
            refused = {who: (answer.code, answer.message) for who, answer in said.items()}
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = {one.recipient: (one.code, one.message) for one in error.recipients}
        return _sorted(mail.recipients, refused)


def _sorted(to: tuple[str, ...], answers: Answers) -> Posted:
    """Who has it, who never will, and for whom it is to be tried again (RFC 5321, 4.2.1: 5yz is for good)."""
    words = {who: f"{code} {plain(said, 200)}" for who, (code, said) in answers.items()}
    never = {who: words[who] for who, (code, _) in answers.items() if code >= 500}
    later = {who: said for who, said in words.items() if who not in never}
    return Posted(tuple(who for who in to if who not in answers), never, later)


def _meaning(error: SMTPResponseException) -> MailError:
    """A refusal of the message or its sender is for good; one of the login may be mended by an operator."""
    said = f"The mail server answered {error.code} {plain(error.message, 200)}"
    for_good = (
        isinstance(error, (aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused)) and error.code >= 500
    )
    return MailRefusedError(said) if for_good else MailError(said)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are checked against the system's authorities, or against the one that bot.toml names."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise MailError(f"email.ca_file {ca_file} cannot be read: {error}") from error


def written(mail: Mail, name: str, sender: str) -> EmailMessage:
    """The message as it is sent: plain text, and the same as HTML. Nothing that was written by outsiders can add a
    header: the library refuses line breaks in one."""
    user, _, domain = sender.partition("@")
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = Address(name, user, domain)
    message["To"] = ", ".join(mail.to) or "undisclosed-recipients:;"
    message["Subject"] = plain(mail.letter.subject, 200)
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = mail.id
    if mail.answers:
        message["In-Reply-To"] = message["References"] = mail.answers
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note should answer
    message.set_content(mail.letter.text)
    message.add_alternative(mail.letter.html, subtype="html")
    return message
