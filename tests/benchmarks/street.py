"""Many products on one database and one engine. As a program: the one that is killed inside a stage, and the next.

`python -m tests.benchmarks.street hang URL FOLDER` prints a line when its stage runs, and waits for its end;
`... resume URL FOLDER` prints the seconds from its start until that stage runs again.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.config import BotFile, parse
from pipeline.context import Ports
from pipeline.engine import Engine
from pipeline.lease import free_all
from pipeline.service import Service
from pipeline.store import Database
from tests.benchmarks.engine import NO_WAITING, RealTime
from tests.house import BOT_TOML, DANA
from tests.world import World, ports


class Street:
    """As many products as there are releases, each in a world of its own; one database and one engine."""

    def __init__(self, db: Database, folder: Path, number: int) -> None:
        section = BOT_TOML.partition("[products.shop]")[2]
        self.names = [f"shop-{n}" for n in range(number)]
        tables = [f"[products.{name}]{section}".replace(".shop.", f".{name}.") for name in self.names]
        self.db, self.folder = db, folder
        self.config = parse(BotFile, "\n".join(tables), "bot.toml")
        self.worlds: dict[str, World] = {name: _world(name) for name in self.names}
        self.made = {name: self._ports(name) for name in self.names}
        self.clock = RealTime().clock
        self.engine = Engine(db, self.made.__getitem__, self.clock, "bench")
        self.service = Service(db, self.config, self.made.__getitem__, self.clock, self.engine.nudge)

    def _ports(self, name: str) -> Ports:
        return ports(self.worlds[name], self.config.products[name], self.folder / name)

    async def release(self, name: str) -> str:
        return (await self.service.start(DANA, name, "v0.2.0", None, "C0SHOP", f"start {name}")).id


def _world(name: str) -> World:
    return RealTime(playbook=NO_WAITING.replace('"shop"', f'"{name}"'))


@asynccontextmanager
async def street(folder: Path, url: str, number: int) -> AsyncIterator[Street]:
    """A migrated database and a street on it; its engine does not run yet."""
    db = Database(url)
    await db.migrate()
    try:
        yield Street(db, folder, number)
    finally:
        await db.close()


async def main(what: str, url: str, folder: str) -> None:
    began = time.monotonic()
    async with street(Path(folder), url, 1) as here:
        (world,) = here.worlds.values()
        world.slow.add("test-unit")
        if what == "resume" and here.db.sqlite:
            await free_all(here.db)  # as the bot does, which holds the lock of its folder
        running = asyncio.create_task(here.engine.run())
        if what == "hang":
            await here.release(here.names[0])
        while not world.done("command"):
            await asyncio.sleep(0.001)
        print(json.dumps({"resumed": time.monotonic() - began}), flush=True)
        if what == "hang":
            await running
        await here.engine.stop()
        await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
