"""A real SMTP server in the test's own loop: with and without TLS, that refuses whom a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, syntax

USER, PASSWORD = "release-bot", "pa55-of-the-mail"


@cache
def authority() -> trustme.CA:
    """A certificate authority that nobody else knows."""
    return trustme.CA()


def ca_file(folder: Path) -> Path:
    path = folder / "mail-ca.pem"
    authority().cert_pem.write_to_path(str(path))
    return path


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert("127.0.0.1").configure_cert(context)
    return context


class _Smtp(SMTP):
    """A connection that may be held before an e-mail is taken in."""

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self.event_handler.hold("before")
        await super().smtp_DATA(arg)


@dataclass
class MailServer:
    """`received` are the e-mails in their order, with the recipients each was accepted for. `answers` are given to
    recipients instead of an acceptance, `data` to the whole e-mail. Where it `holds` ("before" an e-mail is taken in,
    or "after", when it is there) it answers nothing any more; `held` is set when somebody waits there."""

    security: str = "none"
    login: bool = False
    port: int = 0
    received: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    data: str = ""
    holds: str = ""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    encrypted: list[bool] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            self._protocol, "127.0.0.1", self.port, ssl=_context() if self.security == "tls" else None
        )
        self.port = self.server.sockets[0].getsockname()[1]

    def _protocol(self) -> asyncio.Protocol:
        starttls = self.security == "starttls"
        made = _Smtp(
            self,
            hostname="mail.test",
            loop=asyncio.get_running_loop(),
            tls_context=_context() if starttls else None,
            require_starttls=starttls,
            auth_required=self.login,
            auth_require_tls=starttls,
            authenticator=self._log_in if self.login else None,
        )
        return cast(asyncio.Protocol, made)

    async def stop(self) -> None:
        if self.server:
            self.server.close()
            await self.server.wait_closed()

    def _log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        if self.data:
            return self.data
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.received.append((list(envelope.rcpt_tos), message))
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.changed.set()
        await self.hold("after")
        return "250 OK"

    async def hold(self, where: str) -> None:
        """Wait for ever, if that is what the test wants here; the end of the connection ends it."""
        if self.holds == where:
            self.held.set()
            await asyncio.Event().wait()

    async def until(self, count: int, seconds: float = 60.0) -> list[EmailMessage]:
        """Wait until so many e-mails have arrived."""
        async with asyncio.timeout(seconds):
            while len(self.received) < count:
                self.changed.clear()
                await self.changed.wait()
        return [message for _, message in self.received]


@asynccontextmanager
async def open_mail_server(security: str = "none", *, login: bool = False) -> AsyncIterator[MailServer]:
    server = MailServer(security, login)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def text_of(message: EmailMessage) -> str:
    return str(cast(EmailMessage, message.get_body(("plain",))).get_content()).replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    return str(cast(EmailMessage, message.get_body(("html",))).get_content()).replace("\r\n", "\n")
