"""The program that runs a product's migrations: a release that is aborted while it starts leaves nothing open."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from pipeline.adapters.shadow.session import Job, Session
from pipeline.errors import CommandError


def _open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
async def test_an_abort_while_it_starts_leaves_nothing_open(tmp_path: Path) -> None:
    """Stopped after each of the first steps of its start, and once not at all: there it finds no scripts."""
    job = Job(sys.executable, tmp_path / "alembic.ini", tmp_path, dict(os.environ))
    with pytest.raises(CommandError):
        await Session(job).start()
    before = _open()
    for steps in range(12):
        session = Session(job)
        starting = asyncio.create_task(session.start())
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await session.stop()
    async with asyncio.timeout(10):  # what was closed is so a moment later
        while _open() > before:
            await asyncio.sleep(0.01)
