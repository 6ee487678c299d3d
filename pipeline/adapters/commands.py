"""Runs commands of the playbook on this machine.

Each command gets its own session, so that ending it ends everything it started. Its output goes through
the redaction into a file; what it may use of memory and disk is bounded.
"""

import asyncio
import json
import os
import time
from pathlib import Path

import structlog

from pipeline.errors import CommandError
from pipeline.files import write_atomic
from pipeline.groups import ProcessId, end_group, identify, insist, is_running, marked
from pipeline.ports import Command, CommandResult
from pipeline.sink import TAIL, Redact, Sink

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a command that is cancelled or ran into its time limit."""

_CHUNK = 65_536
_MARK = "RELEASEBOT_COMMAND"

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
        sink = await asyncio.to_thread(Sink, command.log, self._redact)
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

    async def _supervise(self, command: Command, record: "_Record", sink: Sink) -> int | None:
        """The exit code, or None at the time limit. Nothing of the command is left when this returns."""
        await asyncio.to_thread(record.announce)
        try:
            process, output, transport = await _start(command, record.mark)
        except BaseException:
            await insist(asyncio.to_thread(record.clear))
            raise
        pump = asyncio.create_task(_pump(output, sink))
        try:
            await insist(asyncio.to_thread(record.write, process.pid))  # not after `clear`
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


async def _pump(output: asyncio.StreamReader, sink: Sink) -> None:
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
