"""One bot process's Slack side for tests, made of the same parts as in bot.wiring."""

import asyncio
from typing import Literal

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bot.app import Sockets, bolt_app, web_client
from bot.gauges import Gauges
from bot.sandbox.sandbox import Sandbox
from bot.server import Server
from bot.settings import Settings
from handlers.desk import Desk
from handlers.directory import SlackDirectory
from handlers.feed import Feed
from handlers.register import register
from pipeline.outbox import Outbox
from pipeline.ports import Clock
from pipeline.service import Service
from pipeline.timekeeper import Timekeeper

Mode = Literal["socket", "http"]

BEAT = 0.02
"""Seconds between two looks at what is due."""


class Face:
    """Everything between a Service and Slack. `hurried` is the outbox's clock; nothing waits between posts."""

    def __init__(self, settings: Settings, service: Service, hurried: Clock) -> None:
        self.client = web_client(settings)
        self.directory = SlackDirectory(self.client)
        feed = Feed(self.client, service.product, service.folder)
        self.outbox = Outbox(service.db, feed, hurried, "face")
        self.desk = Desk(service, self.client)
        self.timekeeper = Timekeeper(service, "face")
        self.stalled = False
        self.app = bolt_app(settings, self.client, lambda: self.stalled)
        register(self.app, self.desk)
        self.sockets = Sockets(self.app, settings) if settings.slack_mode == "socket" else None
        self.registry = CollectorRegistry()
        self.gauges = Gauges(self.registry)
        over_http = None if self.sockets else self.app
        self.server = Server("127.0.0.1", settings.releasebot_port, self.missing, self.registry, over_http)
        self.lacking: list[str] = []
        self._loops: list[asyncio.Task[None]] = []

    async def missing(self) -> list[str]:
        """What a test says is missing."""
        return self.lacking

    async def start(self) -> None:
        self._loops = [asyncio.create_task(self.outbox.run()), asyncio.create_task(self._beat())]
        await self.server.start()
        await self.desk.look_after()
        if self.sockets:
            await self.sockets.open()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.outbox.nudge()

    async def stop(self) -> None:
        if self.sockets:
            await self.sockets.close()
        await self.desk.stop()
        await self.timekeeper.stop()
        await self.outbox.stop()
        await self.server.stop()
        self._loops[1].cancel()
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
