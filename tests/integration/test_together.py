"""Many releases in one process: they cross their boundaries together, and none is another's trouble."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from pipeline import lease
from pipeline.context import Passed
from pipeline.crossing import Crossings
from pipeline.decided import Step
from pipeline.errors import LeaseLost
from pipeline.lease import Claim
from pipeline.models import Event, Release
from pipeline.playbook import planned
from pipeline.states import ReleaseStatus
from pipeline.store import Database
from tests.benchmarks.street import Street, street
from tests.postgres import Server

NOTHING: frozenset[str] = frozenset()
READY = Passed("ready")
AFTER_PREFLIGHT = {name for name, needs in planned("release") if needs == ["preflight"]}
UNWRITABLE = Passed("ready", {"what": object()})
"""No database takes this: its facts are no JSON."""


@asynccontextmanager
async def claimed(folder: Path, url: str, number: int) -> AsyncIterator[tuple[Street, list[Claim]]]:
    """So many releases in the hands of one process, each with its first stage begun."""
    async with street(folder, url, number) as here:
        for name in here.names:
            await here.release(name)
        claims = await lease.claim(here.db, "me", here.clock())
        await asyncio.gather(*(cross(here, Crossings(here.db), held) for held in claims))
        yield here, claims


async def cross(here: Street, crossings: Crossings, held: Claim, preflight: Passed | None = None) -> Step:
    said = {"preflight": preflight} if preflight else {}
    return await crossings.cross(held, here.clock(), NOTHING, said)


async def test_thirty_releases_at_once_come_to_their_approvals_and_no_lease_is_lost(
    tmp_path: Path, url: str
) -> None:
    async with street(tmp_path, url, 30) as here:
        running = asyncio.create_task(here.engine.run())
        started = await asyncio.gather(*(here.release(name) for name in here.names))
        waiting = select(Release).where(Release.status == ReleaseStatus.WAITING)
        async with asyncio.timeout(60):
            found: list[Release] = []
            while len(found) < len(started):
                await asyncio.sleep(0.1)
                async with here.db.reading() as session:
                    found = list(await session.scalars(waiting))
        assert {release.epoch for release in found} == {1}
        await here.engine.stop()
        await running


async def test_releases_at_a_boundary_at_once_share_a_transaction(tmp_path: Path, url: str) -> None:
    async with claimed(tmp_path, url, 3) as (here, claims):
        crossings = Crossings(here.db)
        steps = await asyncio.gather(*(cross(here, crossings, held, READY) for held in claims))
        for held, step in zip(claims, steps, strict=True):
            shown = await here.service.snapshot(held.release.id)
            assert {run.name for run in step.begin} == AFTER_PREFLIGHT
            assert [shown.runs[run.name].id for run in step.begin] == [run.id for run in step.begin]
        async with here.db.reading() as session:
            kinds = select(Event.release_id).where(Event.kind == "stage_started").order_by(Event.id)
            order = list(await session.scalars(kinds))[3:]
        assert order == [held.release.id for held in claims for _ in AFTER_PREFLIGHT]


async def test_what_cannot_be_written_of_one_release_leaves_the_others_alone(
    tmp_path: Path, url: str
) -> None:
    async with claimed(tmp_path, url, 3) as (here, claims):
        crossings = Crossings(here.db)
        outcomes = (READY, UNWRITABLE, READY)
        with capture_logs() as logs:
            first, bad, last = await asyncio.gather(
                *(cross(here, crossings, held, said) for held, said in zip(claims, outcomes, strict=True)),
                return_exceptions=True,
            )
        assert isinstance(bad, Exception)
        assert [line["event"] for line in logs] == [
            "engine: releases could not be written together; now one by one"
        ]
        for held, step in ((claims[0], first), (claims[2], last)):
            shown = await here.service.snapshot(held.release.id)
            assert isinstance(step, Step)
            assert set(shown.runs) == {"preflight"} | AFTER_PREFLIGHT


async def test_what_cannot_be_decided_of_one_release_leaves_the_others_alone(
    tmp_path: Path, url: str
) -> None:
    async with claimed(tmp_path, url, 2) as (here, claims):
        crossings = Crossings(here.db)
        claims[0].release.plan = [["no needs"]]
        bad, good = await asyncio.gather(
            *(cross(here, crossings, held, READY) for held in claims), return_exceptions=True
        )
        assert isinstance(bad, ValueError)
        assert isinstance(good, Step)


async def test_a_release_that_was_taken_over_is_lost_alone(tmp_path: Path, url: str) -> None:
    async with claimed(tmp_path, url, 2) as (here, claims):
        async with here.db.transaction() as session:
            await session.execute(
                update(Release).where(Release.id == claims[0].release.id).values(owner="other", epoch=2)
            )
        assert await lease.keep(here.db, claims) == [claims[0]]
        crossings = Crossings(here.db)
        lost, good = await asyncio.gather(
            *(cross(here, crossings, held, READY) for held in claims), return_exceptions=True
        )
        assert isinstance(lost, LeaseLost)
        assert isinstance(good, Step)


@pytest.mark.postgres
async def test_a_release_that_a_person_holds_does_not_hold_up_the_others(
    tmp_path: Path, postgres: Server, migrated: str
) -> None:
    """A bot that is stalled in the middle of a click keeps that release's row locked, for as long as it is."""
    url = postgres.create(migrated)
    async with claimed(tmp_path, url, 3) as (here, claims):
        crossings, other = Crossings(here.db), Database(url)
        async with other.transaction() as session:
            await session.get(Release, claims[1].release.id, with_for_update=True)
            first, held_up, last = (
                asyncio.create_task(cross(here, crossings, held, READY)) for held in claims
            )
            await asyncio.wait_for(asyncio.gather(first, last), 5)
            before = [held.deadline for held in claims]
            assert await lease.keep(here.db, claims) == []
            longer = [held.deadline > then for held, then in zip(claims, before, strict=True)]
            assert longer == [True, False, True]
            await asyncio.wait_for(cross(here, crossings, claims[0]), 5)
            assert not held_up.done()
        assert (await asyncio.wait_for(held_up, 5)).begin
        await other.close()
