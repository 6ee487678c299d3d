"""A wire to an engine that can be cut: a socket that passes everything on, until it is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class Wire:
    """One end is `address`; at the other is the engine."""

    def __init__(self, path: Path, engine: str) -> None:
        self.address = f"unix://{path}"
        self._path = path
        self._engine = engine.removeprefix("unix://")
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Pass on what comes from now on."""
        self._server = await asyncio.start_unix_server(self._call, self._path)

    async def cut(self) -> None:
        """Nobody answers any more, and what is under way breaks off."""
        if self._server:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.current_task()
        assert call
        self._calls.add(call)
        far_reader, far_writer = await asyncio.open_unix_connection(self._engine)
        ways = [
            asyncio.create_task(_pass(reader, far_writer)),
            asyncio.create_task(_pass(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, far_writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()
            self._calls.discard(call)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def wire(path: Path, engine: str) -> AsyncIterator[Wire]:
    """A connected wire."""
    found = Wire(path, engine)
    await found.connect()
    try:
        yield found
    finally:
        await found.cut()
