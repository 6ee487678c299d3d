"""What goes wrong: processes killed, stopped and ended, lost connections, a moody Slack, late deliveries."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from bot.sandbox.delivery import Kind, NotDeliveredError, Retry, Transport
from bot.sandbox.faults import Faults
from pipeline.lease import LEASE
from tests.chaos.town import Process, Town

CALM = {True: (0.3, 1.8), False: (0.5, 5.0)}
"""Seconds between two events: with peers, and for a bot alone, which must get some work done between two starts."""
SUSPENDED = (6.0, 9.0)
"""Seconds of a SIGSTOP: longer than a lease."""
LONGEST_TAKEOVER = 30.0
"""Seconds in which some bot is up and does not go on with what a dead one held."""
METHODS = ("chat.postMessage", "chat.update", "views.open", "users.info", "conversations.replies")


class Gusts:
    """A transport on which payloads overtake each other, and some arrive a second time, much later."""

    def __init__(self, inner: Transport, dice: random.Random) -> None:
        self.inner, self.dice = inner, dice
        self.doubled = 0
        self._late: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        return self.inner.ready

    async def send(self, kind: Kind, payload: dict[str, Any], retry: Retry | None) -> Any:
        if self.dice.random() < 0.15:
            self.doubled += 1
            task = asyncio.create_task(self._again(kind, payload, retry))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        await asyncio.sleep(self.dice.uniform(0, 0.2))
        return await self.inner.send(kind, payload, retry)

    async def _again(self, kind: Kind, payload: dict[str, Any], retry: Retry | None) -> None:
        await asyncio.sleep(self.dice.choice((0.0, 0.1, 1.0, 4.0)))
        with contextlib.suppress(NotDeliveredError, TimeoutError):
            await asyncio.wait_for(self.inner.send(kind, payload, retry), 3)

    async def close(self) -> None:
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)


@dataclass
class Weather:
    """A seeded sequence of events until so many kills have happened."""

    town: Town
    dice: random.Random
    kills: int
    happened: Counter[str] = field(default_factory=Counter)
    takeovers: list[float] = field(default_factory=list)
    handovers: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    blowing: bool = True
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def peers(self) -> bool:
        """Whether bots share the work."""
        return len(self.town.bots) > 1

    async def blow(self) -> None:
        events: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (45, self._kill), (18, self._suspend), (8, self._end), (15, self._disconnect), (22, self._slack),
        ]  # fmt: skip
        weights = [weight for weight, _ in events]
        try:
            while self.happened["kill"] < self.kills:
                await asyncio.sleep(self.dice.uniform(*CALM[self.peers]))
                ((_, event),) = self.dice.choices(events, weights)
                await event()
        finally:
            self.blowing = False
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.findings.append(f"{type(error).__name__}: {error}")

    def _working(self) -> list[tuple[int, Process]]:
        """The bots that work, with their seats: one that only starts has nothing to lose."""
        return [(seat, bot) for seat, bot in enumerate(self.town.bots) if bot is not None and bot.working]

    def _somebody(self) -> tuple[int, Process] | None:
        working = self._working()
        return self.dice.choice(working) if working else None

    def _note(self, what: str, bot: Process | None = None) -> None:
        """Count an event, and write it down beside the bots' logs."""
        self.happened[what] += 1
        with (self.town.folder / "weather.log").open("a") as file:
            file.write(f"{datetime.now(UTC):%H:%M:%S.%f} {what} {bot.pid if bot else ''}\n")

    async def _kill(self) -> None:
        """Mostly one of several: a peer is to take over. Now and then the last one."""
        end = time.monotonic() + self.dice.choice((0, 10, 10, 10))
        while self.peers and len(self._working()) < 2 and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if found := self._somebody():
            self._note("kill", found[1])
            await self._replace(*found, signal.SIGKILL, self.takeovers)

    async def _end(self) -> None:
        if found := self._somebody():
            self._note("term", found[1])
            self._later(self._replace(*found, signal.SIGTERM, self.handovers))

    async def _replace(self, seat: int, bot: Process, number: signal.Signals, times: list[float]) -> None:
        """End a bot and start another in its place; measure how soon its releases are worked on again.

        Not those of a bot that has just been suspended: their leases are over, or nearly.
        """
        bot.down = True  # from here on: no other event may pick it while it is looked up what it holds
        held = await self.town.held_by(bot.pid) if number is signal.SIGTERM else {}
        began = time.monotonic()
        code = await self.town.end(seat, number)
        if number is signal.SIGTERM and code:
            self.findings.append(f"bot {seat} ended with {code} on SIGTERM")
        held = held or await self.town.held_by(bot.pid)
        if held and began - bot.woken > LEASE:
            self._later(self._watch(held, began, times))
        self._later(self._start(seat, self.dice.uniform(0, 1.0)))

    async def _start(self, seat: int, after: float) -> None:
        await asyncio.sleep(after)
        await self.town.start(seat)

    async def _watch(self, held: dict[str, int], began: float, times: list[float]) -> None:
        """Measure until others work on what a bot held. It counts where some peer was up all the time."""
        up, looked = 0.0, began
        while held and up < LONGEST_TAKEOVER:
            await asyncio.sleep(0.05)
            before, looked = looked, time.monotonic()
            up += looked - before if self._working() else 0.0
            taken: set[str] = set()
            left = set(held)
            with contextlib.suppress(OSError):  # our own connections are cut too
                taken, left = await self.town.since(held)
            if self.peers and not self._working():
                return
            times += [time.monotonic() - began] * len(taken)
            held = {release: epoch for release, epoch in held.items() if release in left}
        self.findings += [f"{release} was not taken over in {LONGEST_TAKEOVER:g} s" for release in held]

    async def _suspend(self) -> None:
        if found := self._somebody():
            self._note("stop", found[1])
            self._later(self._freeze(found[1], self.dice.uniform(*SUSPENDED)))

    async def _freeze(self, bot: Process, seconds: float) -> None:
        bot.stopped = True
        bot.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        bot.send(signal.SIGCONT)
        bot.stopped, bot.woken = False, time.monotonic()

    async def _disconnect(self) -> None:
        """Cut half of the bots' connections to PostgreSQL, as a failover or a proxy does."""
        if self.town.db.sqlite:
            return
        self._note("lost connections")
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5"
        )
        with contextlib.suppress(OSError):  # our own connection may be among them
            async with self.town.db.reading() as session:
                await session.execute(text(cut))

    async def _slack(self) -> None:
        """The next calls of one method go wrong."""
        self._note("slack fault")
        faults, method = self.town.sandbox.faults, self.dice.choice(METHODS)
        times = self.dice.randint(1, 3)
        kinds: list[Callable[[Faults], None]] = [
            lambda f: f.rate_limit(method, times, retry_after=self.dice.choice((1, 2))),
            lambda f: f.fail(method, times, status=self.dice.choice((500, 502, 503))),
            lambda f: f.error("internal_error", method, times),
            lambda f: f.drop(method, times),
            lambda f: f.drop(method, times, after_effect=True),
            lambda f: f.hang(method, times, seconds=self.dice.uniform(0.2, 2.5)),
        ]
        self.dice.choice(kinds)(faults)
