"""The server that migrations are tried on: it starts, dies, comes back, leaves nothing; and backups restored to it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from pipeline.adapters import postgres_backup
from pipeline.adapters.shadow.databases import PREFIX, Databases, scratch
from pipeline.adapters.shadow.judge import ShadowJudge
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.adapters.shadow.proof import RestoredBackup
from pipeline.adapters.shadow.server import programs
from pipeline.errors import DatabaseError
from tests.catalogue import ENV, INI, order, revision

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(programs() is None, reason="needs PostgreSQL's server programs"),
]

FIRST = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))'


@pytest.fixture
async def keeper() -> AsyncIterator[Keeper]:
    kept = Keeper()
    yield kept
    await kept.stop()


@pytest.fixture
def product(tmp_path: Path) -> Path:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(INI)
    (tmp_path / "migrations" / "env.py").write_text(ENV)
    (versions / "one.py").write_text(revision("one", None, FIRST, 'op.drop_table("users")'))
    return tmp_path


def servers() -> list[psutil.Process]:
    """The servers of this kind that run, of whoever."""
    return [
        p
        for p in psutil.process_iter(["cmdline"])
        if "releasebot-shadow-" in " ".join(p.info["cmdline"] or [])
    ]


async def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_one_server_is_shared_and_gone_at_the_end(keeper: Keeper) -> None:
    first, second = await asyncio.gather(keeper.url(), keeper.url())
    assert first == second
    connection = await asyncpg.connect(first)
    folder = Path(await connection.fetchval("SHOW data_directory")).parent
    await connection.close()
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await asyncpg.connect(str(first).replace(":", ":wrong", 2).replace("postgresql:wrong", "postgresql:"))
    await keeper.stop()
    assert not folder.exists()


async def test_a_server_that_is_killed_comes_back(keeper: Keeper) -> None:
    url = await keeper.url()
    connection = await asyncpg.connect(url)
    pid = await connection.fetchval("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int")
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert await keeper.died()
    assert await keeper.url() != url
    assert not await keeper.died()


async def test_a_server_that_dies_while_a_migration_runs_is_no_verdict(keeper: Keeper, product: Path) -> None:
    kill = f"""
from pathlib import Path
import os, signal
mark = Path({str(product / "killed")!r})
op.add_column("users", sa.Column("phone", sa.Text))
if not mark.exists():
    mark.touch()
    text = "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int"
    os.kill(op.get_bind().execute(sa.text(text)).scalar(), signal.SIGKILL)
    op.get_bind().execute(sa.text("SELECT pg_sleep(5)"))
"""
    (product / "migrations" / "versions" / "two.py").write_text(
        revision("two", "one", kill, 'op.drop_column("users", "phone")')
    )
    found = await ShadowJudge(keeper).judge(order(product, "one"))
    assert [one.labels for one in found.verdicts] == [("safe",)]
    assert (product / "killed").exists()


async def test_a_server_of_the_operators_that_is_gone_is_said(product: Path) -> None:
    (product / "migrations" / "versions" / "two.py").write_text(revision("two", "one", "pass"))
    with pytest.raises(DatabaseError, match=r"does not let us in: .* Next: look whether it runs"):
        await ShadowJudge(Keeper("postgresql://x@127.0.0.1:9/x")).judge(order(product, "one"))


def test_nothing_is_left_of_one_who_is_killed(product: Path) -> None:
    (product / "migrations" / "versions" / "two.py").write_text(
        revision("two", "one", f"open({str(product / 'here')!r}, 'w').close()\nimport time\ntime.sleep(8)")
    )
    before = {p.pid for p in servers()}
    argv = [sys.executable, "-m", "bot", "migrations", str(product), "--from", "one"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        asyncio.run(until((product / "here").exists))
        mine = [p for p in servers() if p.pid not in before]
        assert mine
        process.kill()
    asyncio.run(until(lambda: not any(p.is_running() and p.status() != "zombie" for p in mine)))


async def test_what_was_left_behind_long_ago_is_dropped(keeper: Keeper) -> None:
    url = await keeper.url()
    assert url is not None
    async with Databases(url).connected() as admin:
        old, young = f"{PREFIX}{1_000_000_000:x}_0011", f"{PREFIX}{int(time.time()):x}_0011"
        await admin.execute(f"CREATE DATABASE {old}")
        await admin.execute(f"CREATE DATABASE {young}")
        async with scratch(url):
            left = {row[0] for row in await admin.fetch("SELECT datname FROM pg_database")}
    assert young in left
    assert old not in left


@pytest.fixture
async def origin(keeper: Keeper) -> AsyncIterator[str]:
    """The URL of a database with rows, as SQLAlchemy writes it."""
    url = await keeper.url()
    assert url is not None
    async with scratch(url) as databases:
        name = await databases.create()
        async with databases.connected(name) as connection:
            await connection.execute(
                "CREATE TABLE users (id int); INSERT INTO users SELECT generate_series(1, 30)"
            )
            await connection.execute(
                "CREATE TABLE nobody (id int); CREATE SCHEMA s; CREATE TABLE s.t (a text)"
            )
        yield databases.url(name, "psycopg")


async def test_a_backup_is_restored_and_compared(keeper: Keeper, origin: str, tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    backup = await postgres_backup.back_up(make_url(origin), tmp_path / "production.backup")
    prove = RestoredBackup(keeper).prove
    proof = await prove(origin, backup)
    assert (proof.tables, proof.rows) == (3, 30)
    backup.write_bytes(backup.read_bytes()[:-200])
    with pytest.raises(DatabaseError, match=r"does not prove itself: .*Nothing was migrated"):
        await prove(origin, backup)


async def test_a_backup_of_too_little_is_told(keeper: Keeper, origin: str, tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    backup = await postgres_backup.back_up(make_url(origin), tmp_path / "production.backup")
    name = origin.rpartition("/")[2]
    url = await keeper.url()
    assert url is not None
    async with Databases(url).connected(name) as live:
        await live.execute("INSERT INTO nobody VALUES (1)")
        with pytest.raises(DatabaseError, match=r"public\.nobody came back empty"):
            await RestoredBackup(keeper).prove(origin, backup)
        await live.execute("CREATE TABLE more (id int)")
        with pytest.raises(DatabaseError, match=r"it lacks public\.more"):
            await RestoredBackup(keeper).prove(origin, backup)


async def test_a_backup_of_sqlite_is_opened(keeper: Keeper, tmp_path: Path) -> None:
    import sqlite3

    copy = sqlite3.connect(tmp_path / "copy.db")
    copy.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);")
    copy.close()
    proof = await RestoredBackup(keeper).prove("sqlite:////x.db", tmp_path / "copy.db")
    assert (proof.tables, proof.rows) == (1, 2)
    (tmp_path / "copy.db").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(DatabaseError, match="does not prove itself"):
        await RestoredBackup(keeper).prove("sqlite:////x.db", tmp_path / "copy.db")
