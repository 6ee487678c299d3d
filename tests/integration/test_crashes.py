"""The bot is killed after its steps (commits and acts outside), and started again: nothing happens twice.

In the ordinary run after some of its steps, with `make kills` after every one (see tests/sampling.py).

One process that knows itself alone (SQLite) frees the leases of its predecessor; another bot waits until they
run out. Both ways are walked here, every second kill each.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from pipeline import audit, audit_reading, lease, snapshot, turning
from pipeline.chain import Chain, Seal
from pipeline.models import Lock
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from pipeline.store import Database
from tests.house import SAM
from tests.integration.test_limits import count, playbook
from tests.mortal import MortalHouse, copied, open_mortal_house
from tests.sampling import sample

LEASE = 1.5
AT_ONCE = 6
ACTS = ("start", "promote", "shift", "migrate", "undo", "retire", "tag", "backup")

Story = Callable[[MortalHouse, str], Awaitable[Snapshot]]


@dataclass
class Start:
    """v0.1.0 in production and v0.2.0, with a migration, on its way: copied for each kill."""

    house: MortalHouse
    release_id: str

    async def run(self, folder: Path, story: Story, last: int | None) -> tuple[MortalHouse, Snapshot]:
        """Tell the story with a process that dies after `last` steps; the next one goes on."""
        house = copied(self.house, folder)
        house.start_engine("one", LEASE, last)
        fuse = house.world.fuse
        second = asyncio.create_task(_replace(house, alone=last is not None and last % 2 == 0))
        try:
            return house, await story(house, self.release_id)
        finally:
            if not fuse.blown.is_set():
                second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            await house.stop_engines()
            await house.db.close()


async def _replace(house: MortalHouse, alone: bool) -> None:
    await house.killed()
    if alone:
        await lease.free_all(house.db)
    house.start_engine("two", LEASE)


Reach = Callable[[MortalHouse, str], Awaitable[object]]


async def _begun(house: MortalHouse, reach: Reach | None = None) -> Start:
    """A house whose v0.2.0 was just asked for, or has come as far as `reach` takes it; its engine is stopped."""
    await house.adopt()
    await house.stop_engines()
    house.world.revision = "2"
    release = await house.start()
    house.world.journal.clear()
    if reach:
        house.start_engine()
        await reach(house, release.id)
        await house.stop_engines()
    return Start(house, release.id)


@pytest.fixture
async def start(tmp_path: Path) -> Start:
    """v0.2.0 was just asked for."""
    async with open_mortal_house(_folder(tmp_path)) as house:
        return await _begun(house)


@pytest.fixture
async def watched(tmp_path: Path) -> Start:
    """v0.2.0 is in production and watched."""
    async with open_mortal_house(_folder(tmp_path)) as house:
        return await _begun(house, MortalHouse.to_watch)


@pytest.fixture
async def measured(tmp_path: Path) -> Start:
    """v0.2.0 is in production, and its errors have a limit that sends it back."""
    async with open_mortal_house(_folder(tmp_path)) as house:
        house.world.playbook = playbook()
        count(house, "v0.2.0", requests=100)
        return await _begun(house, MortalHouse.to_watch)


def _folder(parent: Path) -> Path:
    folder = parent / "start"
    folder.mkdir()
    return folder


async def forward(house: MortalHouse, release_id: str) -> Snapshot:
    return await house.to_end(release_id)


async def there_and_back(house: MortalHouse, release_id: str) -> Snapshot:
    await house.to_watch(release_id)
    return await back(house, release_id)


async def back(house: MortalHouse, release_id: str) -> Snapshot:
    await turning.roll_back(house.service, SAM, release_id, "slow", True, house.click())
    return await house.ended(release_id)


async def breaks(house: MortalHouse, release_id: str) -> Snapshot:
    count(house, "v0.2.0", requests=100, bad=60)
    house.world.pass_time(minutes=1)
    house.nudge()
    return await house.ended(release_id)


Acts = Counter[tuple[str, ...]]

FORWARD: Acts = Counter(
    {
        ("start", "staging", "v0.2.0"): 1,
        ("promote", "staging", "v0.2.0"): 1,
        ("migrate", "staging", "2"): 1,
        ("migrate", "production", "2"): 1,
        ("start", "production", "v0.2.0"): 1,
        ("shift", "production", "10"): 1,
        ("promote", "production", "v0.2.0"): 1,
        ("tag", "v0.2.0", "b" * 40): 1,
    }
)
END: Acts = Counter({("retire", "production", "v0.1.0"): 1})
BACK: Acts = Counter(
    {
        ("promote", "production", "v0.1.0"): 1,
        ("retire", "production", "v0.2.0"): 1,
        ("undo", "production", "1"): 1,
    }
)


def acts(house: MortalHouse) -> Acts:
    """What was done outside; a backup may be written again, as long as it comes before the migration."""
    journal = house.world.journal
    assert ("backup", "production") in journal[: journal.index(("migrate", "production", "2"))]
    return Counter(entry for entry in journal if entry[0] in ACTS and entry[0] != "backup")


async def check(house: MortalHouse, shown: Snapshot, ending: ReleaseStatus) -> None:
    """The bot's own books: the status, nobody's lease, each message wanted once, the lock as the story says; and the
    audit log, which is whole and has an entry for every event that it should have."""
    db = Database(house.db.url)
    async with db.reading() as session:
        lock = await session.scalar(select(Lock))
        story = await snapshot.story(session, shown.release.id)
    (extent,) = await audit_reading.extents(db)
    assert await audit_reading.verify(db, extent, Chain(Seal())) is None
    entries = [e.kind for e in await audit_reading.newest(db, "shop", 1_000) if e.release == shown.release.id]
    await db.close()
    assert entries == [event.kind for event in story if audit.is_audited(event.kind)]
    told = Counter(event.kind for event in story if event.kind.endswith("_announced"))
    assert shown.release.status is ending, {name: (r.status, r.code) for name, r in shown.runs.items()}
    assert shown.release.owner is None
    assert max(told.values()) == 1
    assert (lock is None) if ending is ReleaseStatus.SUCCEEDED else (lock and lock.release_id is None)


async def _kill_at(start: Start, folder: Path, story: Story, wanted: Acts, every: int) -> None:
    """Tell the story once undisturbed, then killed after every n-th of its steps."""
    ending = ReleaseStatus.SUCCEEDED if story is forward else ReleaseStatus.ROLLED_BACK
    places = asyncio.Semaphore(AT_ONCE)

    async def tell(last: int | None) -> int:
        async with places:
            house, shown = await start.run(folder / f"killed-{last}", story, last)
        done = acts(house)
        assert done == wanted, f"killed after step {last}: too much {done - wanted}, missing {wanted - done}"
        await check(house, shown, ending)
        return house.world.fuse.steps

    steps = await tell(None)
    async with asyncio.TaskGroup() as group:
        for last in sample(range(1, steps + 1), every, first=every // 2):
            group.create_task(tell(last))


async def test_a_killed_release_ends_as_if_nothing_had_been(start: Start, tmp_path: Path) -> None:
    await _kill_at(start, tmp_path, forward, FORWARD + END, every=5)


async def test_a_release_that_was_killed_can_still_go_back(start: Start, tmp_path: Path) -> None:
    await _kill_at(start, tmp_path, there_and_back, FORWARD + BACK, every=14)


async def test_a_killed_rollback_goes_back_once(watched: Start, tmp_path: Path) -> None:
    await _kill_at(watched, tmp_path, back, FORWARD + BACK, every=3)


async def test_a_limit_that_broke_sends_the_release_back_once(measured: Start, tmp_path: Path) -> None:
    await _kill_at(measured, tmp_path, breaks, FORWARD + BACK, every=4)
