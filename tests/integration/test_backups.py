"""Backups: complete, read back, consistent under a writer, or an error that says why."""

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from pipeline.adapters.alembic_files import AlembicDatabase
from pipeline.adapters.commands import LocalRunner
from pipeline.errors import DatabaseError


@pytest.fixture
def database() -> AlembicDatabase:
    return AlembicDatabase(LocalRunner(lambda text: text))


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    path = tmp_path / "hüb %41?.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, note TEXT)')
        connection.executemany(
            'INSERT INTO "odd ""name" (note) VALUES (?)', [(f"n{n}",) for n in range(1000)]
        )
        connection.execute("CREATE TABLE empty (id INTEGER) STRICT")
    return path


def url(path: Path, driver: str = "sqlite") -> str:
    return URL.create(driver, database=str(path)).render_as_string()


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: tuple[int] = connection.execute('SELECT count(*) FROM "odd ""name"').fetchone()
    return found[0]


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_a_backup_is_the_database(
    database: AlembicDatabase, hub: Path, tmp_path: Path, driver: str
) -> None:
    destination = tmp_path / "backups" / "before v0.2.0.db"
    assert await database.backup(url(hub, driver), destination) == destination
    assert rows(destination) == 1000
    assert stat.S_IMODE(destination.stat().st_mode) == 0o600
    assert list(destination.parent.iterdir()) == [destination]


async def test_a_complete_backup_is_kept(database: AlembicDatabase, hub: Path, tmp_path: Path) -> None:
    destination = tmp_path / "b.db"
    await database.backup(url(hub), destination)
    with closing(sqlite3.connect(hub)) as connection, connection:
        connection.execute('DELETE FROM "odd ""name"')
    await database.backup(url(hub), destination)
    assert rows(destination) == 1000


async def test_a_damaged_backup_is_not_taken_for_one(
    database: AlembicDatabase, hub: Path, tmp_path: Path
) -> None:
    destination = tmp_path / "b.db"
    await database.backup(url(hub), destination)
    content = bytearray(destination.read_bytes())
    content[4096:8192] = os.urandom(4096)
    destination.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"failed: .* Nothing was changed\. Next: "):
        await database.backup(url(hub), destination)


async def test_what_was_committed_in_the_write_ahead_log_is_there(
    database: AlembicDatabase, hub: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(hub)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            writer.execute('INSERT INTO "odd ""name" (note) VALUES (1)')
        await database.backup(url(hub), tmp_path / "b.db")
    assert rows(tmp_path / "b.db") == 1001


async def test_a_backup_under_a_writer_is_consistent(
    database: AlembicDatabase, hub: Path, tmp_path: Path
) -> None:
    enough = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(hub, timeout=30)) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            for _ in range(20_000):
                with writer:
                    writer.execute('INSERT INTO "odd ""name" (note) VALUES (1)')
                if enough.is_set():
                    return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            await database.backup(url(hub), tmp_path / f"b{number}.db")
    finally:
        enough.set()
        thread.join()
    counts = [rows(tmp_path / f"b{number}.db") for number in range(5)]
    assert counts == sorted(counts)


async def test_a_database_without_tables_is_a_database(database: AlembicDatabase, tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    assert (await database.backup(f"sqlite:///{tmp_path}/new.db", tmp_path / "b.db")).exists()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("sqlite:///{0}/missing.db", r"There is no database at .*, so there is no backup"),
        ("sqlite:///relative.db", "only a file's absolute path is certain"),
        ("sqlite://", "There is nothing to back up at"),
        ("sqlite:///:memory:", "There is nothing to back up at"),
        ("sqlite:///{0}", "There is no database at"),
        ("mysql://u:secret-word@h/d", "no backup for databases of the kind mysql"),
        ("hub.db", "is no URL such as"),
        ("", "is no URL such as"),
        ("postgresql://u:secret-word@h:port/d", "is no URL such as"),
    ],
)
async def test_what_cannot_be_backed_up_is_said(
    database: AlembicDatabase, tmp_path: Path, address: str, says: str
) -> None:
    with pytest.raises(DatabaseError, match=says) as caught:
        await database.backup(address.format(tmp_path), tmp_path / "b.db")
    assert " Next: " in str(caught.value)
    assert "secret-word" not in str(caught.value)
    assert not (tmp_path / "b.db").exists()


async def test_a_file_that_is_no_database_and_a_folder_that_is_a_file(
    database: AlembicDatabase, hub: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one" * 100)
    with pytest.raises(DatabaseError, match="file is not a database"):
        await database.backup(f"sqlite:///{tmp_path}/text.db", tmp_path / "b.db")
    with pytest.raises(DatabaseError, match="Next: "):
        await database.backup(url(hub), tmp_path / "text.db" / "b.db")
    assert {path.name for path in tmp_path.iterdir()} == {hub.name, "text.db"}


needs_pg_dump = pytest.mark.skipif(
    shutil.which("pg_dump") is None, reason="needs PostgreSQL's client programs"
)


@needs_pg_dump
async def test_a_postgres_that_does_not_answer_is_said_without_its_password(
    database: AlembicDatabase, tmp_path: Path, unused_tcp_port: int
) -> None:
    address = f"postgresql+asyncpg://hub:secret-word@127.0.0.1:{unused_tcp_port}/hub"
    with pytest.raises(DatabaseError, match=r"pg_dump says: .*refused.* Next: ") as caught:
        await database.backup(address, tmp_path / "b.dump")
    assert "secret-word" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_programs(tmp_path: Path) -> Iterator[None]:
    before = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    yield
    os.environ["PATH"] = before


@pytest.mark.usefixtures("no_programs")
async def test_postgres_without_its_programs_is_said(database: AlembicDatabase, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="pg_dump is not installed"):
        await database.backup("postgresql://hub@127.0.0.1/hub", tmp_path / "b.dump")
