"""Backups of a real PostgreSQL server, started for this test alone."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.alembic_files import AlembicDatabase
from pipeline.adapters.commands import LocalRunner
from pipeline.errors import DatabaseError

PASSWORD = "s3cr3t-w0rd"
USER = "nobody" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root."""


def _binaries() -> Path | None:
    config = shutil.which("pg_config")
    if config is None:
        return None
    folder = Path(
        subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
    )
    return folder if (folder / "initdb").exists() else None


BINARIES = _binaries()
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(BINARIES is None, reason="needs PostgreSQL's server programs"),
]


def run(program: str, *arguments: str, **env: str) -> None:
    assert BINARIES is not None
    done = subprocess.run(
        [str(BINARIES / program), *arguments],
        user=USER,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **env},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database with one table of 1,000 rows."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not below pytest's folder, which nobody else may enter
    (folder / "password").write_text(PASSWORD)
    if USER:
        shutil.chown(folder, USER)
        shutil.chown(folder / "password", USER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, log = str(folder / "data"), str(folder / "log")
    files = ("--pwfile", str(folder / "password"))
    run("initdb", "--pgdata", data, "--username=hub", "--auth=scram-sha-256", "--no-sync", *files)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
    run("pg_ctl", "--pgdata", data, "--log", log, "--wait", "-o", options, "start")
    try:
        script = "CREATE TABLE charges AS SELECT n, md5(n::text) AS note FROM generate_series(1, 1000) AS n"
        run(
            "psql",
            f"--port={port}",
            "--host=127.0.0.1",
            "--username=hub",
            "-c",
            script,
            "postgres",
            PGPASSWORD=PASSWORD,
        )
        yield f"postgresql+asyncpg://hub:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "--pgdata", data, "--wait", "--mode=immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def database() -> AlembicDatabase:
    return AlembicDatabase(LocalRunner(lambda text: text))


async def test_a_dump_is_complete_kept_and_read_back(
    database: AlembicDatabase, server: str, tmp_path: Path
) -> None:
    destination = tmp_path / "b" / "production.backup"
    assert await database.backup(server, destination) == destination
    content = destination.read_bytes()
    assert content.startswith(b"PGDMP")
    assert destination.stat().st_mode & 0o777 == 0o600
    assert list(destination.parent.iterdir()) == [destination]
    await database.backup(server, destination)
    assert destination.read_bytes() == content


async def test_a_truncated_dump_is_not_taken_for_one(
    database: AlembicDatabase, server: str, tmp_path: Path
) -> None:
    destination = tmp_path / "production.backup"
    await database.backup(server, destination)
    destination.write_bytes(destination.read_bytes()[:-200])
    with pytest.raises(DatabaseError, match=r"pg_restore says: .* Next: "):
        await database.backup(server, destination)


async def test_a_wrong_password_is_said_without_it(
    database: AlembicDatabase, server: str, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError, match=r"pg_dump says: .*password authentication failed") as caught:
        await database.backup(server.replace(PASSWORD, "wr0ng-w0rd"), tmp_path / "b")
    assert "wr0ng" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
