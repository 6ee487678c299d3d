"""A service on a Docker engine, deployed and taken back under load: our target beside Compose and Swarm.

One private engine for all. A turn is seen from outside: from the command to the first answer of the version that
comes, and to the last answer of the one that goes.
"""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.demo.visitors import Visitors
from tests.benchmarks.docker_ways import BASE, PATIENCE, Ours, Way, folder_for, rivals, start_plainly
from tests.benchmarks.figures import Figure, alone, beside, median
from tests.benchmarks.rollback import Turns, settled
from tests.engine import private_engine, why_none
from tests.services.docker import DockerPlace, docker_place

ROUNDS, QUICK = 5, 1
CLIENTS, RATE = 8, 200.0
FREE = 12
"""Ports of a place from this one on are not the target's."""
POOL = ("--default-address-pool", "base=10.213.0.0/16,size=24")
"""Addresses that another engine of this machine does not give."""


@dataclass
class Record:
    """What was seen of one way. `failed` counts requests, over all turns."""

    deploy: Turns = field(default_factory=Turns)
    back: Turns = field(default_factory=Turns)
    failed: int = 0


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Deploys and ways back under about 200 requests a second, medians of some rounds."""
    if reason := why_none():
        print(f"docker: left out, it {reason.replace('none answers', 'one of its own')}")
        return []
    rounds = QUICK if quick else ROUNDS
    with private_engine(*POOL) as host:
        async with docker_place(await asyncio.to_thread(folder_for, folder), host) as here:
            await here.live(BASE)
            ours, cold, plain = Ours(here), Turns(), list[float]()
            records = {ours.name: await _measured(ours, rounds)}
            await _cold(ours, rounds, cold, plain, records[ours.name])
            async with rivals(here, here.first + FREE) as others:
                for way in others:
                    records[way.name] = await _measured(way, rounds)
    return [*_turns(records), *_cold_figures(cold, plain), *_failures(records)]


async def _measured(way: Way, rounds: int) -> Record:
    record = Record()
    async with Visitors(way.url, clients=CLIENTS, rate=RATE) as visitors:
        await settled(visitors, BASE, PATIENCE)
        begun = time.monotonic()
        for number in range(rounds):
            new = f"1.{number + 1}.0"
            await _turn(visitors, way.deploy(new), new, record.deploy)
            await _turn(visitors, way.back(), BASE, record.back)
        record.failed = sum(1 for at, _ in visitors.failed if at >= begun)
    return record


async def _turn(visitors: Visitors, act: Awaitable[None], to: str, turns: Turns) -> None:
    began = time.monotonic()
    await act
    await settled(visitors, to, PATIENCE)
    turns.add(visitors, began, to)


async def _cold(ours: Ours, rounds: int, cold: Turns, plain: list[float], record: Record) -> None:
    """To a version of which only the image is left, and beside it what its container takes by itself."""
    new = f"1.{rounds}.0"  # it is in the other slot
    async with Visitors(ours.url, clients=CLIENTS, rate=RATE) as visitors:
        for _ in range(rounds):
            await ours.forget(new)
            await _turn(visitors, ours.deploy(new), new, cold)
            await ours.back()
            plain.append(await _own_time(ours.here, new))
        record.failed += len(visitors.failed)


async def _own_time(here: DockerPlace, version: str) -> float:
    """Milliseconds from `docker run` to healthy."""
    port, image = here.first + FREE + 2, (await here.image("api", version)).digest
    began = time.monotonic()
    made = await asyncio.to_thread(start_plainly, here, image, port)
    try:
        await _healthy(port)
        return (time.monotonic() - began) * 1000
    finally:
        await asyncio.to_thread(here.client.remove_container, made, force=True)


async def _healthy(port: int) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
        while not await _is_healthy(session, port):
            await asyncio.sleep(0.01)


async def _is_healthy(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _turns(records: dict[str, Record]) -> list[Figure]:
    ours = records["ours"]
    found = []
    for name in [name for name in records if name != "ours"] or ["ours"]:
        other = records[name]
        for what, mine, theirs in (
            ("deploy to the first new answer", ours.deploy.first, other.deploy.first),
            ("deploy to the last old answer", ours.deploy.last, other.deploy.last),
            ("back to the first old answer", ours.back.first, other.back.first),
            ("back to the last new answer", ours.back.last, other.back.last),
        ):
            found.append(beside(f"docker: {what}, beside {name}", median(mine), "ms", median(theirs)))
    return found


def _cold_figures(cold: Turns, plain: list[float]) -> list[Figure]:
    name = "docker: cold, to the first answer, beside its container's own time to healthy"
    return [
        beside(name, median(cold.first), "ms", median(plain)),
        alone("docker: cold, to the last answer of the other", median(cold.last), "ms"),
    ]


def _failures(records: dict[str, Record]) -> list[Figure]:
    return [
        alone(f"docker: failed requests, {name}", record.failed, "requests")
        for name, record in records.items()
    ]
