"""Runs commands of the playbook on this machine.

Each command gets its own session, so that ending it ends everything it started. Its output goes through
the redaction into a file; what it may use of memory and disk is bounded.
"""

import asyncio
import codecs
import json
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

import structlog

from pipeline.errors import CommandError
from pipeline.files import readable, write_atomic
from pipeline.groups import ProcessId, end_group, identify, insist, is_running, marked
from pipeline.ports import Command, CommandResult

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a command that is cancelled or ran into its time limit."""

LOG_LIMIT = 50_000_000
"""Bytes of output that are kept in the log file."""

TAIL = 40
_LINE = 16_384  # characters of one line that are kept
_OVERLAP = 4_096  # a secret up to this length that crosses the cut is still seen whole by the redaction
_RING = 65_536
_CHUNK = 65_536
_MARK = "RELEASEBOT_COMMAND"

Redact = Callable[[str], str]

log = structlog.get_logger()


class LocalRunner:
    """Runner on this machine. `redact` is applied to everything that is kept of the output."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to the time limit. Raises CommandError when it cannot be started.

        What an earlier, interrupted run with the same log file left behind is ended first.
        """
        record = _Record(command.log)
        await record.end_orphan()
        started = time.monotonic()
        sink = await asyncio.to_thread(_Sink, command.log, self._redact)
        try:
            code = await self._supervise(command, record, sink)
        finally:
            tail = await insist(asyncio.to_thread(sink.close))
        seconds = time.monotonic() - started
        log.info("command: ended", command=command.name, code=code, seconds=round(seconds, 3))
        if code is not None:
            return CommandResult(command.name, code, seconds, tail)
        note = f"[stopped: it ran into its time limit of {command.timeout:g} s]"
        return CommandResult(command.name, -1, seconds, (*tail[1 - TAIL :], note), timed_out=True)

    async def _supervise(self, command: Command, record: "_Record", sink: "_Sink") -> int | None:
        """The exit code, or None at the time limit. Nothing of the command is left when this returns."""
        await asyncio.to_thread(record.announce)
        try:
            process, output, transport = await _start(command, record.mark)
        except BaseException:
            await insist(asyncio.to_thread(record.clear))
            raise
        pump = asyncio.create_task(_pump(output, sink))
        try:
            await asyncio.to_thread(record.write, process.pid)
            async with asyncio.timeout(command.timeout):
                return await process.wait()
        except TimeoutError:
            return None
        finally:
            await insist(_finish(process, record))
            await insist(_close(pump, transport))
            await insist(asyncio.to_thread(record.clear))


async def _start(
    command: Command, mark: str
) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.ReadTransport]:
    # An own pipe: asyncio's would make wait() hang on a grandchild that keeps the output open.
    reading, writing = os.pipe()
    output = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb")
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.cwd,
            env={**command.env, _MARK: mark},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
    except (OSError, ValueError, TypeError) as error:
        transport.close()
        program = command.argv[0] if command.argv else ""
        raise CommandError(
            f"{command.name} could not be started: {error}. "
            f"Next: check that `{program}` is installed and that the folder it runs in exists."
        ) from error
    except BaseException:
        transport.close()
        raise
    finally:
        os.close(writing)
    return process, output, transport


async def _finish(process: asyncio.subprocess.Process, record: "_Record") -> None:
    await end_group(process.pid, GRACE)
    await process.wait()
    for group in await asyncio.to_thread(record.groups):  # those that left the session
        await end_group(group, GRACE)


async def _close(pump: asyncio.Task[None], transport: asyncio.ReadTransport) -> None:
    # Whoever hides so well that it still holds the pipe is not waited for.
    await asyncio.wait([pump], timeout=1.0)
    transport.close()
    pump.cancel()
    await asyncio.wait([pump])


async def _pump(output: asyncio.StreamReader, sink: "_Sink") -> None:
    while chunk := await output.read(_CHUNK):
        await asyncio.to_thread(sink.feed, chunk)


class _Record:
    """`<log>.pid`: which process writes this log, so that the next attempt can end an orphan."""

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(log.name + ".pid")
        self.mark = str(log.absolute())

    def announce(self) -> None:
        """Before the start: from here on there may be a process that is known by its mark only."""
        write_atomic(self._path, "{}")

    def write(self, pid: int) -> None:
        if identity := identify(pid):
            write_atomic(self._path, json.dumps({"pid": identity.pid, "created": identity.created}))

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    async def end_orphan(self) -> None:
        for group in await asyncio.to_thread(self._orphans):
            await end_group(group, GRACE)

    def _orphans(self) -> set[int]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError):
            stored = {}
        found = self.groups()
        if "pid" in stored and is_running(ProcessId(stored["pid"], stored["created"])):
            found.add(stored["pid"])
        return found

    def groups(self) -> set[int]:
        """The process groups of all that carries this log's mark."""
        found = {_group(pid) for pid, value in marked(_MARK, self.mark) if value == self.mark}
        return found - {0, os.getpgid(0)}


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0


class _Sink:
    """Cleans, redacts and stores output; used from one thread at a time. Never raises on a full disk."""

    def __init__(self, path: Path, redact: Redact) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] | None = path.open("wb")
        path.chmod(0o600)
        self._redact = redact
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._pending = ""
        self._skipping = False
        self._written = 0
        self._tail: deque[str] = deque(maxlen=TAIL)

    def feed(self, chunk: bytes, final: bool = False) -> None:
        text = self._decode(chunk, final)
        if self._file is None:
            self._pending = (self._pending + text)[-_RING:]
            return
        self._pending += text
        end = max(self._pending.rfind("\n"), self._pending.rfind("\r", 0, -1)) + 1
        if final:
            end = len(self._pending)
        block, self._pending = self._pending[:end], self._pending[end:]
        if block:
            self._store(self._without_rest_of_long_line(block))
        if len(self._pending) > _LINE + _OVERLAP:
            self._cut_line()

    def _without_rest_of_long_line(self, block: str) -> str:
        if not self._skipping:
            return block
        self._skipping = False
        return readable(block).partition("\n")[2]

    def _cut_line(self) -> None:
        if not self._skipping:
            self._store(self._redact(readable(self._pending))[:_LINE] + " [line cut]\n")
        self._skipping, self._pending = True, ""

    def _store(self, block: str) -> None:
        text = self._redact(readable(block))
        self._tail.extend(line[:2000] for line in text.splitlines()[-TAIL:])
        data = text.encode(errors="replace")
        room = LOG_LIMIT - self._written
        self._written += len(data)
        self._write(data[: max(room, 0)])
        if len(data) > room:
            self._stop_writing(f"\n[the log ends here: more than {LOG_LIMIT // 1_000_000} MB of output]\n")

    def _write(self, data: bytes) -> None:
        try:
            if self._file:
                self._file.write(data)
                self._file.flush()
        except OSError as error:
            self._stop_writing("")
            self._tail.append(f"[the log could not be written: {error}]")

    def _stop_writing(self, note: str) -> None:
        file, self._file, self._pending = self._file, None, ""
        if file is None:
            return
        try:
            with file:
                file.write(note.encode())
        except OSError:
            self._tail.append("[the log is incomplete: the disk did not take it]")

    def close(self) -> tuple[str, ...]:
        """Store what is left and give the last lines."""
        self.feed(b"", final=True)
        if self._file is not None:
            self._stop_writing("")
        else:
            # The ring may begin in the middle of a line, even of a secret.
            rest = self._redact(readable(self._pending.partition("\n")[2]))
            self._tail.extend(line[:2000] for line in rest.splitlines()[-TAIL:])
        return tuple(self._tail)
