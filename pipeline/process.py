"""Runs a helper program (git, git-cliff, pg_dump) to its end and takes its output, leaving nothing behind."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.groups import insist

_LAST_WORDS = 5.0  # seconds
_LIMIT = 2**16  # bytes that a pipe holds back


@dataclass(frozen=True)
class Output:
    """How a program ended. `code` is None when it ran into its time limit and was stopped."""

    code: int | None
    stdout: bytes
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0


async def capture(
    argv: Sequence[str], *, env: Mapping[str, str], timeout: float, stdin: bytes = b""
) -> Output:
    """Run `argv` for at most `timeout` seconds; what it started goes with it, also when we are cancelled.

    Raises OSError when it cannot be started.
    """
    helper = await _started(argv, env)
    try:
        async with asyncio.timeout(timeout):
            stdout, stderr = await helper.process.communicate(stdin)
    except TimeoutError:
        return Output(None, b"", f"it took longer than {timeout:g} seconds and was stopped")
    finally:
        await insist(helper.end())
    return Output(helper.process.returncode, stdout, stderr.decode("utf-8", "replace"))


class _Helper:
    """A program that runs, and its pipes."""

    def __init__(self, transport: asyncio.SubprocessTransport, protocol: SubprocessStreamProtocol) -> None:
        self.process = Process(transport, protocol, asyncio.get_running_loop())
        self._transport = transport

    async def end(self) -> None:
        """Kill what is left of it, reap it, and close its pipes."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        # A helper that left the session (ssh's master) may hold the pipes: do not hang.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.communicate(), _LAST_WORDS)
        self._transport.close()


async def _started(argv: Sequence[str], env: Mapping[str, str]) -> _Helper:
    starting = asyncio.ensure_future(_start(argv, env))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # nobody would know of it
            await insist((await starting).end())
        raise


async def _start(argv: Sequence[str], env: Mapping[str, str]) -> _Helper:
    loop = asyncio.get_running_loop()
    made = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(_LIMIT, loop), *argv, env=env, start_new_session=True
    )
    return _Helper(*made)
