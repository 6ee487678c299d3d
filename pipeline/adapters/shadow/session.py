"""One driver (driver.py) that runs for as long as a judgement takes: requests go in, answers come out."""

import asyncio
import json
import os
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pipeline.errors import CommandError
from pipeline.groups import end_group, insist, marked
from pipeline.plain import plain_lines

_DRIVER = Path(__file__).with_name("driver.py")
_MARK = "RELEASEBOT_SHADOW"
_GRACE = 0.2
_LONGEST = 64 * 2**20  # bytes of one answer
_TAIL = 64 * 2**10  # bytes of output that are kept to say what went wrong


@dataclass(frozen=True)
class Answer:
    """What an action came to. `error` is what it raised (kind, said, sqlstate, ...), `statements` what it executed."""

    result: Any = None
    error: Mapping[str, Any] | None = None
    statements: tuple[Mapping[str, Any], ...] = ()
    more: int = 0
    dialects: tuple[str, ...] = ()


@dataclass
class Job:
    """How the product's Alembic is run: `config` is an ini, a toml or the folder of the scripts."""

    python: str
    config: Path
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    timeout: float = 60.0


class Session:
    """The running driver. An action that takes too long, or a driver that ends, is an Answer with an error;
    the driver is started anew for the next one."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.drivers: tuple[str, ...] = ()
        self._process: asyncio.subprocess.Process | None = None
        self._output: deque[bytes] = deque()
        self._place: tuple[Any, ...] = ()

    async def start(self) -> None:
        """Start it, and have it read the scripts. Raises CommandError when it cannot."""
        await self._launch()
        try:
            async with asyncio.timeout(self.job.timeout):
                line = await self._answers.readline()
        except TimeoutError:
            line = b""
        found = (
            json.loads(line)
            if line
            else {"error": {"said": self.last_words() or "it said nothing", "kind": ""}}
        )
        if error := found.get("error"):
            await self.stop()
            raise CommandError(f"{error['kind'] or 'Alembic'}: {_first(error['said'])}")
        self.drivers = tuple(found["drivers"])

    async def place(self, url: str, *, plain: bool = False) -> None:
        """Where the actions that follow connect to; `plain`: without env.py."""
        self._place = (url, plain)
        await self.ask("place", *self._place)

    async def ask(self, action: str, *arguments: Any, within: float | None = None) -> Answer:
        """Carry an action out, for at most the job's time or `within` so many seconds."""
        limit = min(self.job.timeout, within or self.job.timeout)
        if self._process is None:
            await self.start()
            if self._place and action != "place":
                await self.ask("place", *self._place)
        request = json.dumps({"action": action, "arguments": arguments}) + "\n"
        try:
            async with asyncio.timeout(limit):
                os.write(self._requests, request.encode())
                line = await self._answers.readline()
        except TimeoutError:
            await self.stop()
            return Answer(error={"kind": "Timeout", "said": f"it took longer than {limit:g} seconds"})
        except OSError:
            line = b""
        if not line:
            await self.stop()
            return Answer(
                error={"kind": "Ended", "said": self.last_words() or "the process ended without a word"}
            )
        found = json.loads(line)
        return Answer(
            found["result"],
            found["error"],
            tuple(found["statements"]),
            found["more"],
            tuple(found["dialects"]),
        )

    def last_words(self) -> str:
        """The last lines of what it printed."""
        text = b"".join(self._output)[-_TAIL:].decode("utf-8", "replace")
        return plain_lines("\n".join(text.strip().splitlines()[-5:]))

    async def stop(self) -> None:
        """End it, with everything that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        for opened in (self._requests, self._transport):
            with suppress(OSError):
                opened.close() if isinstance(opened, asyncio.BaseTransport) else os.close(opened)
        await insist(_end(process, self._mark))
        self._pump.cancel()
        await asyncio.wait([self._pump])
        self._out.close()

    async def _launch(self) -> None:
        self._mark = f"{os.getpid()}-{id(self)}"
        theirs_in, self._requests = os.pipe()
        ours, theirs_out = os.pipe()
        shown, showing = os.pipe()
        self._answers, output = asyncio.StreamReader(limit=_LONGEST), asyncio.StreamReader(limit=_TAIL)
        # Whatever stops it half-way, a release that is aborted too, leaves nothing open.
        with ExitStack() as theirs, ExitStack() as undo:
            for descriptor in (theirs_in, theirs_out, showing):
                theirs.callback(os.close, descriptor)
            undo.callback(os.close, self._requests)
            pipes = [undo.enter_context(os.fdopen(descriptor, "rb")) for descriptor in (ours, shown)]
            self._transport = await _reading(self._answers, pipes[0])
            undo.callback(self._transport.close)
            self._out = await _reading(output, pipes[1])
            undo.callback(self._out.close)
            self._output = deque(maxlen=16)
            self._pump = asyncio.create_task(self._listen(output))
            undo.callback(self._pump.cancel)
            self._process = await self._spawn(theirs_in, theirs_out, showing)
            undo.pop_all()

    async def _spawn(self, theirs_in: int, theirs_out: int, showing: int) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *(self.job.python, str(_DRIVER), str(self.job.config), str(theirs_in), str(theirs_out)),
                cwd=self.job.folder,
                env={**self.job.env, _MARK: self._mark, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=showing,
                stderr=showing,
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"{self.job.python} could not be started: {error}") from error

    async def _listen(self, output: asyncio.StreamReader) -> None:
        while chunk := await output.read(4096):
            self._output.append(chunk)


async def _reading(reader: asyncio.StreamReader, pipe: IO[bytes]) -> asyncio.ReadTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return transport


async def _end(process: asyncio.subprocess.Process, mark: str) -> None:
    await end_group(process.pid, _GRACE)
    await process.wait()
    for pid, value in await asyncio.to_thread(marked, _MARK, mark):
        if value == mark:
            with suppress(ProcessLookupError):
                await end_group(os.getpgid(pid), _GRACE)


def _first(said: str) -> str:
    return plain_lines(said).partition("\n")[0]
