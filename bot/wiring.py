"""Wiring: the parts of a bot's process, put together."""

import asyncio
import os
import socket
from functools import cache, partial
from pathlib import Path
from secrets import token_hex

import structlog
from prometheus_client import CollectorRegistry

from bot.app import Sockets, bolt_app, web_client
from bot.clock import Metronome
from bot.counted import Calls
from bot.gauges import Gauges
from bot.ofrep import Ofrep
from bot.outside import MakePorts, mailer, make_ports, utc_now
from bot.pulse import Pulse
from bot.reading import redactor, secret_of
from bot.server import Server
from bot.settings import Settings
from bot.traces import MakeTraces, no_traces
from handlers.desk import Desk
from handlers.directory import SlackDirectory
from handlers.feed import Feed
from handlers.languages import Languages
from handlers.letters.writing import Letters
from handlers.register import register
from pipeline.adapters.flags.file import FileFlags
from pipeline.adapters.flags.http import CLIENT
from pipeline.care import Care
from pipeline.chain import Seal
from pipeline.config import BotFile
from pipeline.digest import Digests
from pipeline.engine import Engine
from pipeline.errors import StoreError
from pipeline.listening import Listener
from pipeline.mailing import Mailing
from pipeline.outbox import Outbox
from pipeline.pacing import slack
from pipeline.reminding import Reminding
from pipeline.retention import Retention
from pipeline.service import Service
from pipeline.store import Database
from pipeline.timekeeper import Timekeeper

log = structlog.get_logger()


class Bot:
    """The whole process, ready to start. `outside` makes each product's world; tests bring their own. Traces are
    collected of a bot that runs, not of a command that does one thing."""

    def __init__(
        self,
        settings: Settings,
        config: BotFile,
        outside: MakePorts = make_ports,
        collected: MakeTraces = no_traces,
    ) -> None:
        self.settings, self.config = settings, config
        self.redact = redactor(settings, config)
        self.db = Database(settings.database_url, Seal(settings.audit_key, self.redact))
        self.client = web_client(settings)
        languages = Languages(self.client)
        directory = SlackDirectory(self.client, languages)
        state = settings.releasebot_state.absolute()
        self.ports = cache(lambda name: outside(name, config.products[name], state, directory, self.redact))
        owner = f"{socket.gethostname()[:50]}:{os.getpid()}:{token_hex(4)}"  # a container's pid comes again
        self.service = Service(self.db, config, self.ports, utc_now, self.nudge)
        self.traces = collected(settings, self.redact, owner)
        self.engine = Engine(
            self.db, self.ports, utc_now, owner, committed=self.nudge_outbox, trace=self.traces
        )
        feed = Feed(self.client, self.service.product, self.service.folder)
        self.outbox = Outbox(self.db, feed, utc_now, owner, slack(settings.releasebot_edits_per_minute))
        self.mails = Outbox(self.db, self._mailing(directory), utc_now, owner, mails=True)
        self.desk = Desk(self.service, self.client, languages, owner)
        self.pulse = Pulse()
        self.app = bolt_app(settings, self.client, self.pulse.has_stalled)
        register(self.app, self.desk)
        self.sockets = Sockets(self.app, settings) if settings.slack_mode == "socket" else None
        self.registry = CollectorRegistry()
        self.server = self._server()
        self.gauges, self.client.calls = Gauges(self.registry), Calls(self.registry)
        self.client.trace = self.traces
        self.care = Care(self.db, self.ports)
        self.retention = Retention(self.db, config, self.ports, utc_now)
        self.reminding = Reminding(self.db, config, self.ports, utc_now, self.nudge_outbox)
        self.digests = Digests(self.service, self.nudge_outbox)
        self.timekeeper = Timekeeper(self.service, owner)
        self.metronome = Metronome()
        self.loops: list[asyncio.Task[None]] = []
        self.listening: asyncio.Task[None] | None = None

    def _mailing(self, directory: SlackDirectory) -> Mailing:
        mailers = {name: mailer(name, product) for name, product in self.config.products.items()}
        write = Letters(directory).write
        return Mailing(self.db, self.service.product, mailers.get, write, self.redact, utc_now)

    def _server(self) -> Server:
        host, port = self.settings.releasebot_host, self.settings.releasebot_port
        flags = Ofrep(self.flags_file, partial(secret_of, name=CLIENT))
        over_http = None if self.sockets else self.app
        return Server(host, port, self.missing, self.registry, over_http, flags.routes())

    def flags_file(self, product: str, where: str) -> Path | None:
        """The file of an environment's flags, where the bot keeps them itself."""
        found = self.ports(product).flags.get(where) if product in self.config.products else None
        return found.path if isinstance(found, FileFlags) else None

    def start_loops(self) -> None:
        """Start what runs for as long as the process: releases, messages, hearing the other bots."""
        self.pulse.start()
        self.loops = [asyncio.create_task(each.run()) for each in (self.engine, self.outbox, self.mails)]
        if not self.db.sqlite:
            self.listening = asyncio.create_task(Listener(self.db, self.nudge).run())
            self.loops.append(self.listening)

    def nudge(self, release_id: str = "") -> None:
        """Something was committed (on this release, or anywhere): engine and outbox look at once."""
        self.engine.nudge(release_id)
        self.nudge_outbox()

    def look(self) -> None:
        """The clock's beat: has anything become due?"""
        self.engine.look()
        self.nudge_outbox()

    def nudge_outbox(self) -> None:
        self.outbox.nudge()
        self.mails.nudge()

    async def missing(self) -> list[str]:
        """What keeps the bot from being ready, in words."""
        found = []
        try:
            await self.db.ping()
        except StoreError:
            found.append(f"the database does not answer: {self.redact(self.db.outage.why)}")
        if self.sockets and not self.sockets.alive:
            found.append("no Socket Mode connection to Slack")
        return found

    async def heal(self) -> None:
        """Look after what runs outside the bot: connections, routers, services."""
        if self.sockets:
            await self.sockets.heal()
        if self.db.outage.why:
            await self.db.ping()
        for name in self.config.products:
            await self.care.look_after(name)
