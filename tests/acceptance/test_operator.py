"""An operator's bad day, with the real process: a database that is held by another, lost, and restored."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.acceptance.small import prepare_small
from tests.acceptance.town import CHANNEL, DANA, LEE, Town, open_town


async def ready(town: Town) -> tuple[int, str]:
    """What readiness says: the status and what is missing."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{town.port}/readyz") as answer:
        return answer.status, "; ".join((await answer.json())["missing"])


async def until_ready(town: Town) -> None:
    for _ in range(100):
        if (await ready(town))[0] == 200:
            return
    raise AssertionError(await ready(town))


def restore(backup: Path, database: Path) -> None:
    """As docs/operations.md says it: nothing of the old file may stay beside the new one."""
    for part in database.parent.glob(f"{database.name}*"):
        part.unlink()
    backup.rename(database)


@pytest.mark.slow
async def test_a_held_database_is_said_everywhere_and_then_forgotten(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town", lay=prepare_small) as town:
        with closing(sqlite3.connect(town.folder / "state" / "releasebot.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            typed = await town.sandbox.command(DANA, CHANNEL, "/release", "v0.2.0")
            assert typed.acked
            assert typed.latency_ms < 3000
            assert "could not record this, and nothing was started" in str(typed.answer)
            status, missing = await ready(town)
            assert status == 503
            assert missing.startswith("the database does not answer: ")
            other.execute("ROLLBACK")
        await until_ready(town)
        assert await town.shown("v0.2.0") is None
        await town.type(DANA, "/release", "v0.2.0")
        await town.message("Approval needed")
        said = town.logs[-1].read_text()
        assert said.count("database: does not answer") == 1
        assert said.count("database: answers again") == 1
        assert "Traceback" not in said


@pytest.mark.slow
async def test_a_release_goes_on_from_a_backup(tmp_path: Path) -> None:
    database, backup = tmp_path / "town" / "state" / "releasebot.db", tmp_path / "bot.backup"
    async with open_town(tmp_path / "town", lay=prepare_small) as town:
        await town.type(DANA, "/release", "v0.2.0")
        await town.message("Approval needed")
        code, printed = await town.command_line("backup", str(backup))
        assert code == 0, printed
        code, printed = await town.command_line("backup", str(backup))
        assert code == 2
        assert "no backup is overwritten" in printed

        await town.end_bot(signal.SIGTERM)
        await town.db.close()
        restore(backup, database)
        await town.start_bot()
        await town.approve(LEE)
        shown = await town.until(lambda shown: "after" in shown.runs)
        await town.tick_all(DANA, "Checklist after")
        shown = await town.until(lambda shown: shown.release.finished_at is not None)
        assert shown.release.status == "succeeded", shown.runs
        await town.message("v0.2.0 is live")
