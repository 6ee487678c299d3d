"""The bot's inside on the in-memory world: service, engine and database, without Slack."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import update

from pipeline import deciding, ticking
from pipeline.config import BotFile, parse
from pipeline.context import Ports
from pipeline.engine import Engine
from pipeline.models import Release
from pipeline.policy import Actor
from pipeline.ports import Trace, untraced
from pipeline.service import Service
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE, ReleaseStatus, StageStatus
from pipeline.store import Database
from tests.world import World, ports

PATIENCE = 60.0
"""Seconds after which a condition counts as never true: on a machine that many use, milliseconds have become 15 s."""

BOT_TOML = """
[products.shop]
repository = "somewhere"
channel = "C0SHOP"
teams = ["T1"]
[products.shop.people]
start = ["U0DANA", "S0RELEASE"]
approve = ["U0LEE", "U0KIM", "U0DANA"]
rollback = ["U0DANA", "U0SAM"]
[products.shop.environments.staging]
url = "http://127.0.0.1:9001"
first_port = 9100
env = { DATABASE_URL = "staging" }
[products.shop.environments.production]
url = "http://127.0.0.1:9002"
first_port = 9200
env = { DATABASE_URL = "production" }
"""

DANA, LEE, KIM, SAM, STRANGER = (
    Actor("U0DANA", "T1"), Actor("U0LEE", "T1"), Actor("U0KIM", "T1"), Actor("U0SAM", "T1"), Actor("U0DANA", "T9"),
)  # fmt: skip


TOGETHER = 0.03
"""Seconds."""


@dataclass
class House:
    """One database, one world, and as many engines as a test starts."""

    db: Database
    world: World
    config: BotFile
    made: Ports
    folder: Path
    others: dict[str, Ports] = field(default_factory=dict)
    """The ports of further products; `made` is the first one's."""
    engines: list[tuple[Engine, asyncio.Task[None]]] = field(default_factory=list)
    clicks: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    trace: Trace = untraced

    def look(self) -> None:
        """Something was committed: whoever waits for it looks now."""
        self.changed.set()

    @property
    def service(self) -> Service:
        return Service(self.db, self.config, self.ports_of, self.world.clock, self.nudge)

    def ports_of(self, product: str) -> Ports:
        return self.others.get(product, self.made)

    def nudge(self, release_id: str = "") -> None:
        for engine, _ in self.engines:
            engine.nudge(release_id)

    def start_engine(self, owner: str = "one", seconds: float = 5.0) -> Engine:
        engine = Engine(
            self.db,
            self.ports_of,
            self.world.clock,
            owner,
            seconds=seconds,
            poll=0.1,
            committed=self.look,
            trace=self.trace,
        )
        self.engines.append((engine, asyncio.create_task(engine.run())))
        return engine

    async def stop_engines(self) -> None:
        for engine, task in self.engines:
            await engine.stop()
            await task
        self.engines.clear()

    def click(self) -> str:
        self.clicks += 1
        return f"click {self.clicks}"

    async def start(self, version: str = "v0.2.0", actor: Actor = DANA, ref: str | None = None) -> Release:
        return await self.service.start(actor, "shop", version, ref, "C0SHOP", self.click())

    async def adopt(self, version: str = "v0.1.0") -> Release:
        release = await self.service.adopt("shop", version, None, self.click())
        await self.until(release.id, lambda s: s.release.status is ReleaseStatus.SUCCEEDED)
        return release

    async def until(
        self, release_id: str, reached: Callable[[Snapshot], bool], seconds: float = PATIENCE
    ) -> Snapshot:
        """Wait for a condition of a release; the last state is in the error.

        A look costs as much as a stage: many changes are looked at together.
        """
        shown = await self.service.snapshot(release_id)
        try:
            async with asyncio.timeout(seconds):
                while not reached(shown):
                    self.changed.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.changed.wait(), 0.05)
                    await asyncio.sleep(TOGETHER)
                    shown = await self.service.snapshot(release_id)
        except TimeoutError:
            runs = {name: (run.status.value, run.code, run.facts) for name, run in shown.runs.items()}
            raise AssertionError(f"{shown.release.status} at {shown.release.stage}: {runs}") from None
        return shown

    async def waits_for(self, release_id: str, stage: str) -> Snapshot:
        """Wait until a stage asks people or its time, and nobody owns the release."""
        return await self.until(
            release_id,
            lambda s: (
                stage in s.runs and s.runs[stage].status is StageStatus.WAITING and s.release.owner is None
            ),
        )

    async def mark(self, release_id: str, status: ReleaseStatus) -> None:
        """A release as it would be after a story that the test does not tell."""
        async with self.db.transaction() as session:
            await session.execute(update(Release).where(Release.id == release_id).values(status=status))

    async def ended(self, release_id: str) -> Snapshot:
        return await self.until(release_id, lambda s: s.release.status not in ACTIVE)

    async def tick_all(self, release_id: str) -> None:
        shown = await self.service.snapshot(release_id)
        for item in shown.items:
            if not item.done:
                await ticking.tick(self.service, DANA, release_id, item.id)

    async def to_approval(self, release_id: str) -> Snapshot:
        await self.waits_for(release_id, "checklist")
        await self.tick_all(release_id)
        return await self.waits_for(release_id, "approval")

    async def approve(self, release_id: str, actor: Actor = LEE, decision: str = "approve") -> None:
        run = (await self.service.snapshot(release_id)).runs["approval"]
        await deciding.decide(self.service, actor, release_id, run.id, decision, "fine", self.click())

    async def through_canary(self, release_id: str) -> None:
        await self.waits_for(release_id, "canary")
        self.world.pass_time(minutes=6)
        self.nudge()

    async def to_watch(self, release_id: str) -> Snapshot:
        await self.to_approval(release_id)
        await self.approve(release_id)
        await self.through_canary(release_id)
        return await self.waits_for(release_id, "watch")

    async def to_end(self, release_id: str) -> Snapshot:
        """From the start (or from where it goes on) to the end."""
        await self.to_watch(release_id)
        self.world.pass_time(minutes=31)
        self.nudge()
        await self.waits_for(release_id, "after")
        await self.tick_all(release_id)
        return await self.ended(release_id)


@asynccontextmanager
async def open_house(
    folder: Path,
    url: str | None = None,
    world: World | None = None,
    bot_toml: str = BOT_TOML,
    trace: Trace = untraced,
) -> AsyncIterator[House]:
    """A house with a migrated database (SQLite in `folder` unless a URL is given) and one engine."""
    world = world or World()
    db = Database(url or f"sqlite:///{folder}/bot.db")
    await db.migrate()
    config = parse(BotFile, bot_toml, "bot.toml")
    house = House(db, world, config, ports(world, config.products["shop"], folder), folder, trace=trace)
    house.start_engine()
    try:
        yield house
    finally:
        await house.stop_engines()
        await db.close()
