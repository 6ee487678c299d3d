"""Where the server to try migrations on comes from: the operator's, or one of our own that is kept warm and shared."""

import asyncio

from pipeline.adapters.shadow.databases import Databases
from pipeline.adapters.shadow.server import ShadowServer, programs
from pipeline.errors import DatabaseError


class Keeper:
    """One server for all judgements of this process; started when it is first wanted. `given` is an operator's URL."""

    def __init__(self, given: str | None = None) -> None:
        self._given = given
        self._server: ShadowServer | None = None
        self._turn = asyncio.Lock()
        self.why_not = ""

    async def url(self) -> str | None:
        """The server's URL; None where there is none, and then `why_not` says why."""
        if self._given is not None:
            return self._given
        async with self._turn:
            if self._server is None or not await self._server.alive():
                await self._start()
            return self._server.url if self._server else None

    async def died(self) -> bool:
        """Whether there was a server, and it answers no more."""
        return (self._given is not None or self._server is not None) and not await self._alive()

    async def _alive(self) -> bool:
        if self._server is not None:
            return await self._server.alive()
        try:
            async with Databases(self._given or "").connected():
                return True
        except DatabaseError:
            return False

    async def renewed(self) -> bool:
        """Whether there is a server again after one died; an operator's is not ours to start."""
        return self._given is None and await self.url() is not None

    async def stop(self) -> None:
        """End our own server."""
        async with self._turn:
            if self._server is not None:
                await self._server.stop()
            self._server = None

    async def _start(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None
        folder = await asyncio.to_thread(programs)
        if folder is None:
            self.why_not = "PostgreSQL's server programs are not on this machine"
            return
        server = ShadowServer(folder)
        try:
            await server.start()
        except DatabaseError as error:
            self.why_not = str(error)
            return
        self._server = server
