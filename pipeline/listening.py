"""Hears what the other bots on one PostgreSQL database commit, so that a click on one wakes a release on another.

What is missed while there is no connection is found by the clock's beat: this is for speed, not for safety.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pipeline.store import CHANNEL, Database

AGAIN = 1.0
"""Seconds before a lost connection is opened again."""
SILENCE = 20.0
"""Seconds without a word after which the connection is tried: a half-open one says nothing for ever."""


class Listener:
    """Calls `heard` with a release's id (empty: look at everything) for each commit of another bot that announced one.

    What this bot commits it tells itself, without the way over the database.
    """

    def __init__(self, db: Database, heard: Callable[[str], None]) -> None:
        self.db, self.heard = db, heard

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # the driver's own beside SQLAlchemy's: it must not end the bot
                self.db.outage.failed(f"{type(error).__name__}: {error}", writing=False)
            await asyncio.sleep(AGAIN)

    async def _listen(self) -> None:
        """Listen on one connection until it is lost."""
        async with self.db.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            lost = asyncio.Event()
            driver.add_termination_listener(lambda _: lost.set())
            try:
                await driver.add_listener(CHANNEL, self._hear)
                self.heard("")  # what was said while nobody listened
                await self._until_lost(driver, lost)
            finally:
                await connection.invalidate()  # the pool must not lend it out while it listens

    def _hear(self, _connection: object, _pid: int, _channel: str, said: str) -> None:
        sender, _, release_id = said.partition(" ")
        if sender != self.db.name:
            self.heard(release_id)

    async def _until_lost(self, driver: Any, lost: asyncio.Event) -> None:
        while not lost.is_set():
            try:
                await asyncio.wait_for(lost.wait(), SILENCE)
            except TimeoutError:
                await driver.execute("SELECT 1", timeout=SILENCE)
