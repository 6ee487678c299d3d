"""A fuse: lets a number of steps happen, and then nothing any more, as a kill -9 does.

A step is a commit of the bot's database or an act on the world outside. The step that blows the fuse has
happened; whoever made it never learns so.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.errors import StoreError
from pipeline.store import Database


class KilledError(StoreError):
    """Raised in what is left of a killed process, so that it ends; it can neither write nor act."""


@dataclass
class Fuse:
    """Blows after `last` steps; never without."""

    last: int | None = None
    steps: int = 0
    blown: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self) -> None:
        if self.blown.is_set():
            raise KilledError("killed")

    def burn(self) -> None:
        """One more step has happened."""
        self.steps += 1
        if self.steps == self.last:
            self.blown.set()


class FusedDatabase(Database):
    """One process's connections to the bot's database."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self.fuse = fuse

    @contextlib.asynccontextmanager
    async def transaction(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        self.fuse.check()
        async with super().transaction(urgent=urgent) as session:
            yield session
            self.fuse.check()
        self.fuse.burn()
        self.fuse.check()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        self.fuse.check()
        async with super().reading() as session:
            yield session
