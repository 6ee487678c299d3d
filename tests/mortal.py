"""A house whose engines can be killed: each is a process of its own, with its own connections and fuse."""

import asyncio
import copy
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.config import BotFile, parse
from pipeline.context import Ports
from pipeline.engine import Engine
from pipeline.store import Database
from tests.fuse import Fuse, FusedDatabase
from tests.house import BOT_TOML, House
from tests.world import World, ports


@dataclass
class Process:
    """An engine as the operating system sees it."""

    engine: Engine
    task: asyncio.Task[None]
    db: FusedDatabase
    fuse: Fuse


@dataclass
class MortalHouse(House):
    """Engines die without a word: nothing is recorded, no lease is given back."""

    processes: list[Process] = field(default_factory=list)

    def start_engine(self, owner: str = "one", seconds: float = 5.0, last: int | None = None) -> Engine:
        """Start a process that is killed after `last` steps."""
        fuse = self.world.fuse = Fuse(last)
        db = FusedDatabase(self.db.url, fuse)
        engine = Engine(
            db, lambda _: self.made, self.world.clock, owner,
            seconds=seconds, poll=0.05, committed=self.look, trace=self.trace,
        )  # fmt: skip
        task = asyncio.create_task(engine.run())
        self.engines.append((engine, task))
        self.processes.append(Process(engine, task, db, fuse))
        return engine

    async def kill_engines(self) -> None:
        """End every process where it stands."""
        for process in self.processes:
            process.fuse.blown.set()
            await process.engine.stop()
            await process.task
            await process.db.close()
        self.engines.clear()
        self.processes.clear()
        self.world.fuse = Fuse()

    async def stop_engines(self) -> None:
        await super().stop_engines()
        for process in self.processes:
            await process.db.close()
        self.processes.clear()

    async def killed(self) -> int:
        """Wait until the fuse of the newest process has blown, and end what is left of it; its steps."""
        fuse = self.processes[-1].fuse
        await fuse.blown.wait()
        await self.kill_engines()
        return fuse.steps


def make_house(folder: Path, db: Database, world: World, made: Ports | None = None) -> MortalHouse:
    """A house without an engine."""
    config = parse(BotFile, BOT_TOML, "bot.toml")
    return MortalHouse(db, world, config, made or ports(world, config.products["shop"], folder), folder)


def copied(kept: MortalHouse, folder: Path) -> MortalHouse:
    """A house that begins where another one (on SQLite, stopped) was left: its database and its world."""
    folder.mkdir()
    shutil.copy(kept.folder / "bot.db", folder / "bot.db")
    world, made = copy.deepcopy((kept.world, kept.made))
    house = make_house(folder, Database(f"sqlite:///{folder}/bot.db"), world, replace(made, folder=folder))
    house.clicks = kept.clicks  # a click of before would be taken for the same one
    return house


@asynccontextmanager
async def open_mortal_house(folder: Path, url: str | None = None) -> AsyncIterator[MortalHouse]:
    """A house with a migrated database and one engine."""
    db = Database(url or f"sqlite:///{folder}/bot.db")
    await db.migrate()
    house = make_house(folder, db, World())
    house.start_engine()
    try:
        yield house
    finally:
        await house.stop_engines()
        await db.close()
