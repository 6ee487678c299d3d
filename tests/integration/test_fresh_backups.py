"""The backup that one goes back to is fresh: a bot that was down for hours does not rely on the one from before."""

import shutil
from pathlib import Path

from pipeline import lease
from tests.mortal import MortalHouse, copied, open_mortal_house

BACKUP, MIGRATE = ("backup", "production"), ("migrate", "production", "2")


async def approved(folder: Path) -> tuple[MortalHouse, str]:
    """v0.2.0 with a migration, approved; nobody works on it."""
    folder.mkdir()
    async with open_mortal_house(folder) as house:
        await house.adopt()
        house.world.revision = "2"
        release = await house.start()
        await house.to_approval(release.id)
        await house.stop_engines()
        await house.approve(release.id)
        house.world.journal.clear()
    return house, release.id


async def down_for_hours(house: MortalHouse, release_id: str, last: int) -> tuple[int, bool]:
    """Killed after `last` steps, and started again three hours later: how far the journal was, and whether at all."""
    house.start_engine("one", last=last)
    fuse = house.world.fuse
    await house.until(release_id, lambda s: fuse.blown.is_set() or "step" in _data(s.runs.get("canary")))
    killed, journaled = fuse.blown.is_set(), len(house.world.journal)
    await house.kill_engines()
    await lease.free_all(house.db)
    house.world.pass_time(hours=3)
    house.start_engine("two")
    await house.until(release_id, lambda s: MIGRATE in house.world.journal)
    await house.stop_engines()
    await house.db.close()
    return journaled, killed


def _data(run: object) -> dict[str, object]:
    return getattr(run, "data", {})


async def test_between_a_long_pause_and_the_migration_there_is_a_backup(tmp_path: Path) -> None:
    kept, release_id = await approved(tmp_path / "kept")
    last, killed, late = 1, True, 0
    while killed:
        house = copied(kept, tmp_path / f"killed-{last}")
        journaled, killed = await down_for_hours(house, release_id, last)
        migrated = house.world.journal.index(MIGRATE)
        assert BACKUP in house.world.journal[:migrated]
        if killed and migrated >= journaled:
            assert BACKUP in house.world.journal[journaled:migrated], f"killed after step {last}"
            late += BACKUP in house.world.journal[:journaled]
        shutil.rmtree(tmp_path / f"killed-{last}")
        last += 1
    assert late > 2, "no kill came between the backup and the migration"
