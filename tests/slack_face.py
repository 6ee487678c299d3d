"""One bot process's Slack side for tests, made of the same parts as in bot.wiring."""

import asyncio
from typing import Literal

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bot.app import Sockets, bolt_app, web_client
from bot.counted import Calls
from bot.gauges import Gauges
from bot.outside import mailer
from bot.sandbox.sandbox import Sandbox
from bot.server import Server
from bot.settings import Settings
from handlers.desk import Desk
from handlers.directory import SlackDirectory
from handlers.feed import Feed
from handlers.languages import Languages
from handlers.letters.writing import Letters
from handlers.register import register
from pipeline.mailing import Mailing
from pipeline.outbox import Outbox
from pipeline.ports import Clock
from pipeline.redact import Redactor
from pipeline.service import Service
from pipeline.timekeeper import Timekeeper

Mode = Literal["socket", "http"]

BEAT = 0.05
"""Seconds between two looks at what is due."""


class Face:
    """Everything between a Service and Slack. `hurried` is the outbox's clock; nothing waits between posts."""

    def __init__(self, settings: Settings, service: Service, hurried: Clock) -> None:
        self.client = web_client(settings)
        languages = Languages(self.client)
        self.directory = SlackDirectory(self.client, languages)
        feed = Feed(self.client, service.product, service.folder)
        self.outbox = Outbox(service.db, feed, hurried, "face")
        letters, redact = Letters(self.directory), Redactor(())
        mailers = {name: mailer(name, product) for name, product in service.config.products.items()}
        mailing = Mailing(service.db, service.product, mailers.get, letters.write, redact, service.clock)
        self.mails = Outbox(service.db, mailing, hurried, "face", mails=True)
        self.desk = Desk(service, self.client, languages)
        self.timekeeper = Timekeeper(service, "face")
        self.stalled = False
        self.app = bolt_app(settings, self.client, lambda: self.stalled)
        register(self.app, self.desk)
        self.sockets = Sockets(self.app, settings) if settings.slack_mode == "socket" else None
        self.registry = CollectorRegistry()
        self.gauges, self.client.calls = Gauges(self.registry), Calls(self.registry)
        over_http = None if self.sockets else self.app
        self.server = Server("127.0.0.1", settings.releasebot_port, self.missing, self.registry, over_http)
        self.lacking: list[str] = []
        self._loops: list[asyncio.Task[None]] = []

    async def missing(self) -> list[str]:
        """What a test says is missing."""
        return self.lacking

    async def start(self) -> None:
        outboxes = (self.outbox, self.mails)
        self._loops = [asyncio.create_task(self._beat()), *(asyncio.create_task(o.run()) for o in outboxes)]
        await self.server.start()
        await self.desk.look_after()
        if self.sockets:
            await self.sockets.open()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.outbox.nudge()
            self.mails.nudge()

    async def stop(self) -> None:
        if self.sockets:
            await self.sockets.close()
        await self.desk.stop()
        await self.timekeeper.stop()
        await self.outbox.stop()
        await self.mails.stop()
        await self.server.stop()
        self._loops[0].cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)


def settings_for(sandbox: Sandbox, mode: Mode, port: int) -> Settings:
    """The settings of a bot that talks to this sandbox; `port` is its own."""
    return Settings(
        _env_file=None,
        slack_bot_token=SecretStr(sandbox.bot_token),
        slack_app_token=SecretStr(sandbox.app_token),
        slack_signing_secret=SecretStr(sandbox.signing_secret),
        slack_api_url=sandbox.api_url,
        slack_mode=mode,
        releasebot_port=port,
    )
