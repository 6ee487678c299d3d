"""Helper programs: whatever becomes of one, nothing of it stays, and none of its pipes is left open."""

import asyncio
import gc
import os
import sys
from pathlib import Path

import psutil

from pipeline.process import capture

ENV = {"PATH": os.defpath}
LEAVES = """
import os, subprocess, sys, time
left = subprocess.Popen(["sleep", "60"], start_new_session=True)
open(sys.argv[1], "w").write(str(left.pid))
time.sleep(60)
"""
"""A helper whose own helper leaves its session with the pipes, as ssh's master does."""


def python(program: str, *given: str) -> list[str]:
    return [sys.executable, "-c", program, *given]


async def test_what_it_says_is_taken() -> None:
    said = await capture(
        python("import sys; print(sys.stdin.read()[::-1])"), env=ENV, timeout=30, stdin=b"ab"
    )
    assert (said.ok, said.stdout) == (True, b"ba\n")


async def written(file: Path) -> int:
    async with asyncio.timeout(30):
        while not file.exists() or not file.read_text():
            await asyncio.sleep(0.02)
    return int(file.read_text())


def test_a_cancelled_one_is_gone_and_its_pipes_are_closed(tmp_path: Path) -> None:
    helper, left = asyncio.run(cancelled(tmp_path / "pid", times=3))
    assert not helper.is_running()
    gc.collect()  # a pipe that is open still would say so now, which fails the test
    left.kill()


async def cancelled(file: Path, times: int) -> tuple[psutil.Process, psutil.Process]:
    """Cancel a helper again and again: it, and the process that it left behind."""
    running = asyncio.create_task(capture(python(LEAVES, str(file)), env=ENV, timeout=60))
    left = psutil.Process(await written(file))
    helper = psutil.Process(left.ppid())
    for _ in range(times):
        running.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([running])
    assert running.cancelled()
    return helper, left
