"""Runs a helper program (git, git-cliff, pg_dump) to its end and takes its output, leaving nothing behind."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LAST_WORDS = 5.0  # seconds


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
    process = await _started(argv, env)
    try:
        async with asyncio.timeout(timeout):
            stdout, stderr = await process.communicate(stdin)
    except TimeoutError:
        return Output(None, b"", f"it took longer than {timeout:g} seconds and was stopped")
    finally:
        await _end(process)
    return Output(process.returncode, stdout, stderr.decode("utf-8", "replace"))


async def _started(argv: Sequence[str], env: Mapping[str, str]) -> asyncio.subprocess.Process:
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # nobody would know of it
            await _end(await starting)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # Reaps it and closes its pipes. A helper that left the session (ssh's master) may hold them: do not hang.
    with contextlib.suppress(TimeoutError):
        await asyncio.shield(asyncio.wait_for(process.communicate(), _LAST_WORDS))
