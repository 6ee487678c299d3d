"""With years of history the hot paths still look only at what they need: no table is read from end to end."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event

from bot.gauges import Gauges
from pipeline import inbox, lease
from pipeline.outbox import Outbox
from pipeline.parcel import Parcel, Sent
from pipeline.store import Database
from tests.history import fill, old, one_release
from tests.house import House, open_house

RELEASES, EVENTS = 500, 20_000
LARGE = (
    "releases", "stage_runs", "images", "deployments", "checklist_items", "approvals", "events", "deliveries", "inbox",
    "audit",
)  # fmt: skip
WHOLE = re.compile(rf"^(?:->)?\s*(?:SCAN|(?:Parallel )?Seq Scan on) (?:{'|'.join(LARGE)})\b")
"""How a plan says that it reads a whole table."""
SMALL = re.compile(r"USING (?:COVERING )?INDEX ix_(?:deliveries_due|deliveries_given_up|inbox_unhandled)$")
"""Indexes of what is still to be done: they hold a handful of rows, whatever the table has."""
COUNTED = "SELECT releases.status, count(*)"
"""The clock counts releases by status four times a minute: ten thousand short rows."""


class Everywhere:
    """A platform that takes every message."""

    async def send(self, parcel: Parcel) -> Sent | None:
        return Sent("C0SHOP", "2")


@pytest.fixture
async def grown(tmp_path: Path, url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path, url) as house:
        template = await one_release(house)
        await house.stop_engines()
        await fill(house.db, template, RELEASES, EVENTS)
        await house.start("v0.3.0")
        yield house


@contextmanager
def overheard(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that goes to the database meanwhile, with its parameters."""
    heard: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: Any, _x: object, _many: bool) -> None:
        heard.append((statement, parameters))

    event.listen(db.engine.sync_engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", hear)


async def plan(db: Database, statement: str, parameters: Any) -> list[str]:
    """The lines of the database's own plan for a statement."""
    explain = "EXPLAIN QUERY PLAN " if db.sqlite else "EXPLAIN "
    async with db.engine.connect() as connection:
        rows = (await connection.exec_driver_sql(explain + statement, parameters)).all()
    return [str(row[-1]).strip() for row in rows]


async def send_all(house: House) -> None:
    """Let the outbox send what there is."""
    outbox = Outbox(house.db, Everywhere(), house.world.clock, "me")
    sending = asyncio.create_task(outbox.run())
    async with asyncio.timeout(10):
        while not await outbox.idle():
            await asyncio.sleep(0.01)
    await outbox.stop()
    await sending


def hot_paths(house: House) -> Mapping[str, Callable[[], Awaitable[Any]]]:
    db, service = house.db, house.service
    return {
        "/release status, Home": lambda: service.current("shop"),
        "/release list": lambda: service.recent("shop"),
        "one release": lambda: service.snapshot(old(RELEASES // 2)),
        "claim": lambda: lease.claim(db, "me", house.world.clock()),
        "outbox": lambda: send_all(house),
        "requests left over": lambda: inbox.take_over(db, "me"),
        "gauges": lambda: Gauges(CollectorRegistry()).read(db, 0),
    }


async def whole_reads(db: Database, heard: list[tuple[str, Any]]) -> list[str]:
    """The statements whose plan reads a whole table, with that line of the plan."""
    verbs = ("SELECT", "UPDATE", "DELETE")
    asked = {said: given for said, given in heard if said.startswith(verbs) and not said.startswith(COUNTED)}
    return [
        f"{line}\n  {statement}"
        for statement, parameters in asked.items()
        for line in await plan(db, statement, parameters)
        if WHOLE.match(line) and not SMALL.search(line)
    ]


async def test_nothing_that_people_wait_for_reads_a_whole_table(grown: House) -> None:
    found: dict[str, list[str]] = {}
    for name, walk in hot_paths(grown).items():
        with overheard(grown.db) as heard:
            await walk()
        assert heard, name
        found[name] = await whole_reads(grown.db, heard)
    with overheard(grown.db) as heard:
        await up_to_canary(grown)
    found["a release"] = await whole_reads(grown.db, heard)
    assert {name: plans for name, plans in found.items() if plans} == {}


async def up_to_canary(house: House) -> None:
    """From the claim through the checklist and the approval: nearly all that a release asks the database."""
    house.start_engine()
    (release,) = await house.service.recent("shop", 1)
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.waits_for(release.id, "canary")
    await house.stop_engines()
