"""Many releases at once, on both databases, beside ten empty steps on DBOS.

Ours have 20 stages with their decisions, events and messages' rows, on the in-memory world, one product for each
release (a product releases one version at a time). DBOS's steps do nothing and tell nobody.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from pipeline import deciding
from pipeline.models import Release
from pipeline.states import ReleaseStatus
from tests.benchmarks.figures import Figure, alone, beside, median, p99
from tests.benchmarks.street import Street, street
from tests.house import LEE
from tests.postgres import binaries, running_server

AT_ONCE, QUICK = (1, 50, 500), (1, 5)
TUNED = 0.01
"""Seconds between DBOS's looks for messages on SQLite, where it has no notification (its default is one)."""
PATIENCE = 600.0


@dataclass
class Taken:
    """Milliseconds, release by release; and the wall time of all in seconds."""

    per_stage: list[float] = field(default_factory=list)
    to_next: list[float] = field(default_factory=list)
    seconds: float = 0.0


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Time per stage, approval to next stage, and going on after a kill, on SQLite and PostgreSQL."""
    numbers = QUICK if quick else AT_ONCE
    found = await _on(folder, "SQLite", numbers, lambda name: f"sqlite:///{folder}/{name}.db")
    programs = binaries()
    if programs is None:
        return found
    with running_server(programs) as server:
        made: dict[str, str] = {}
        return [
            *found,
            *await _on(folder, "PostgreSQL", numbers, lambda name: made.setdefault(name, server.create())),
        ]


async def _on(folder: Path, kind: str, numbers: tuple[int, ...], url: Callable[[str], str]) -> list[Figure]:
    """`url` gives the address of a database by its name."""
    poll = TUNED if kind == "SQLite" else 0.0
    found: list[Figure] = []
    for number in numbers:
        ours = await _ours(folder / f"{kind}-{number}", url(f"bot-{number}"), number)
        found += _figures(f"{kind}, {number} at once", ours, await _theirs(url("dbos"), number, poll))
    again = await _again("street", url("again"), str(folder / f"{kind}-again"))
    theirs = await _again("dbos_program", url("dbos"))
    return [*found, beside(f"{kind}: start after a kill to the stage again", again, "s", theirs)]


def _figures(where: str, ours: Taken, theirs: Taken) -> list[Figure]:
    return [
        beside(f"{where}: ms per stage, beside DBOS", median(ours.per_stage), "ms", median(theirs.per_stage)),
        beside(f"{where}: approval to next p50", median(ours.to_next), "ms", median(theirs.to_next)),
        beside(f"{where}: approval to next p99", p99(ours.to_next), "ms", p99(theirs.to_next)),
        alone(f"{where}: all of them", ours.seconds, "s"),
    ]


# -------------------------------------------------------------------- ours


async def _ours(folder: Path, url: str, number: int) -> Taken:
    taken = Taken()
    async with street(folder, url, number) as here:
        running = asyncio.create_task(here.engine.run())
        began = time.monotonic()
        started = await asyncio.gather(*(here.release(name) for name in here.names))
        clicked = await _approve_all(here, set(started))
        await _all(here, ReleaseStatus.SUCCEEDED, number)
        taken.seconds = time.monotonic() - began
        await here.engine.stop()
        await running
        for release_id, at in clicked.items():
            shown = await here.service.snapshot(release_id)
            before = shown.runs["approval"].started_at - shown.release.created_at
            after = (shown.release.finished_at or at) - at
            taken.per_stage.append((before + after).total_seconds() * 1000 / len(shown.runs))
            taken.to_next.append((shown.runs["backup"].started_at - at).total_seconds() * 1000)
    return taken


async def _approve_all(here: Street, left: set[str]) -> dict[str, datetime]:
    """Approve each release soon after it asked; when that was. People's time is left out."""
    clicked: dict[str, datetime] = {}
    waiting = select(Release.id).where(Release.status == ReleaseStatus.WAITING)
    async with asyncio.timeout(PATIENCE):
        while left:
            await asyncio.sleep(0.05)
            async with here.db.reading() as session:
                asking = left.intersection(await session.scalars(waiting))
            for release_id in asking:
                run = (await here.service.snapshot(release_id)).runs["approval"].id
                clicked[release_id] = here.clock()
                await deciding.decide(
                    here.service, LEE, release_id, run, "approve", "", f"click {release_id}"
                )
            left -= asking
    return clicked


async def _all(here: Street, status: ReleaseStatus, number: int) -> None:
    counted = select(func.count()).where(Release.status == status)
    async with asyncio.timeout(PATIENCE):
        while True:
            async with here.db.reading() as session:
                if await session.scalar(counted) == number:
                    return
            await asyncio.sleep(0.2)


# ------------------------------------------------------------------ theirs


async def _theirs(url: str, number: int, poll: float) -> Taken:
    said = json.loads(await _program("dbos_program", "measure", url, str(number), str(poll)))
    per_stage = [one["per_stage"] for one in said["taken"]]
    return Taken(per_stage, [one["to_next"] for one in said["taken"]], said["seconds"])


# ------------------------------------------------------------------ both


async def _again(program: str, *where: str) -> float:
    """Kill a program inside a stage; seconds from its next start until the stage runs again."""
    hanging = await _start(program, "hang", *where, YARDSTICK_HANGS="1")
    assert hanging.stdout is not None
    await asyncio.wait_for(hanging.stdout.readline(), PATIENCE)
    hanging.kill()
    await hanging.communicate()
    return float(json.loads((await _program(program, "resume", *where)).splitlines()[-1])["resumed"])


async def _program(*arguments: str) -> str:
    process = await _start(*arguments)
    printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    if process.returncode:
        raise RuntimeError(f"The program ended with {process.returncode}: {arguments}")
    return printed.decode()


async def _start(program: str, *arguments: str, **env: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", f"tests.benchmarks.{program}", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"], **env}
    )
