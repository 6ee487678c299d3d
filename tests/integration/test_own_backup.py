"""A backup of the bot's own database, restored into a new one: the release goes on where the backup stands."""

import os
import shutil
from pathlib import Path

import pytest

from bot.outside import back_up
from pipeline.errors import DatabaseError
from pipeline.process import capture
from pipeline.states import ReleaseStatus
from tests.house import House, open_house
from tests.postgres import Server


async def goes_on(lost: House, url: str, release_id: str) -> None:
    """Another bot on the restored database, in the same world."""
    async with open_house(lost.folder, url, lost.world) as house:
        house.made = lost.made
        assert (await house.to_end(release_id)).release.status is ReleaseStatus.SUCCEEDED


async def waiting_release(house: House) -> str:
    await house.adopt()
    release = await house.start()
    await house.waits_for(release.id, "checklist")
    return release.id


async def test_sqlite_is_restored_by_putting_the_file_in_place(tmp_path: Path) -> None:
    backup, database = tmp_path / "bot.backup", tmp_path / "restored.db"
    async with open_house(tmp_path) as house:
        release_id = await waiting_release(house)
        await back_up(f"sqlite:///{tmp_path}/bot.db", backup)
        await house.stop_engines()
        shutil.copy(backup, database)
        await goes_on(house, f"sqlite:///{database}", release_id)


@pytest.mark.postgres
async def test_postgresql_is_restored_by_pg_restore(tmp_path: Path, postgres: Server) -> None:
    """Into an empty database, as into the old one: all of it or nothing."""
    backup, url, restored = tmp_path / "bot.backup", postgres.create(), postgres.create()
    async with open_house(tmp_path, url) as house:
        release_id = await waiting_release(house)
        await back_up(url, backup)
        await house.stop_engines()
        options = ("--single-transaction", "--clean", "--if-exists", "--no-owner")
        for database in (url, restored):
            command = ("pg_restore", *options, f"--dbname={database}", str(backup))
            done = await capture(command, env={"PATH": os.environ["PATH"]}, timeout=60)
            assert done.ok, done.stderr
        await goes_on(house, restored, release_id)


async def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"There is no database at .*Next: "):
        await back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "bot.backup")
    assert list(tmp_path.iterdir()) == []
