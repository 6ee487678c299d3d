"""The bot is killed after its steps (commits and acts outside), and started again: nothing happens twice.

Some of the steps in the ordinary run, all of them in the slow one.

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

from pipeline import lease, snapshot, turning
from pipeline.models import Lock
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from pipeline.store import Database
from tests.house import SAM
from tests.mortal import MortalHouse, copied, open_mortal_house

LEASE = 1.5
AT_ONCE = 6
ACTS = ("start", "promote", "shift", "migrate", "undo", "retire", "tag", "backup")

Story = Callable[[MortalHouse, str], Awaitable[Snapshot]]


@dataclass
class Start:
    """v0.1.0 in production and v0.2.0, with a migration, just asked for: copied for each kill."""

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


@pytest.fixture
async def start(tmp_path: Path) -> Start:
    folder = tmp_path / "start"
    folder.mkdir()
    async with open_mortal_house(folder) as house:
        await house.adopt()
        await house.stop_engines()
        house.world.revision = "2"
        release = await house.start()
        house.world.journal.clear()
    return Start(house, release.id)


async def forward(house: MortalHouse, release_id: str) -> Snapshot:
    return await house.to_end(release_id)


async def there_and_back(house: MortalHouse, release_id: str) -> Snapshot:
    await house.to_watch(release_id)
    await turning.roll_back(house.service, SAM, release_id, "slow", True, house.click())
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
    """The bot's own books: the status, nobody's lease, each message wanted once, the lock as the story says."""
    db = Database(house.db.url)
    async with db.reading() as session:
        lock = await session.scalar(select(Lock))
        story = await snapshot.story(session, shown.release.id)
    await db.close()
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
        for last in range(1 + every // 2, steps + 1, every):
            group.create_task(tell(last))


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
async def test_a_killed_release_ends_as_if_nothing_had_been(start: Start, tmp_path: Path, every: int) -> None:
    await _kill_at(start, tmp_path, forward, FORWARD + END, every)


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
async def test_a_killed_rollback_goes_back_once(start: Start, tmp_path: Path, every: int) -> None:
    await _kill_at(start, tmp_path, there_and_back, FORWARD + BACK, every)
