"""Whether a backup brings the data back: restored into a scratch database, and looked at (ports.BackupProof)."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pipeline.adapters.shadow.databases import Databases, scratch
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.adapters.shadow.rows import quoted
from pipeline.adapters.shadow.server import programs
from pipeline.errors import DatabaseError
from pipeline.plain import plain
from pipeline.ports import Proof
from pipeline.process import capture

TIMEOUT = 3600.0
"""Seconds that restoring may take."""

_TABLES = """SELECT schemaname || '.' || tablename FROM pg_tables
WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1"""


class RestoredBackup:
    """Restores backups to where `keeper` has a server; the database that they are of is only looked at."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def prove(self, url: str, backup: Path) -> Proof:
        """Restore the backup of the database at `url`, and compare: every table is there, none is empty that has
        rows. Raises DatabaseError that says what is missing."""
        parsed = _parse(url)
        if parsed.get_backend_name() == "sqlite":
            return await asyncio.to_thread(_sqlite, backup)
        if parsed.get_backend_name() != "postgresql":
            raise DatabaseError(f"A backup of {parsed.get_backend_name()} cannot be tried out here.")
        server = await self._keeper.url()
        if server is None:
            raise _unproven(f"there is no server to restore it to: {self._keeper.why_not}")
        async with scratch(server) as databases:
            name = await databases.create()
            await _restore(databases, name, backup)
            return await _compared(databases, name, Databases(url))


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError("The database's address is no URL.") from error


def _unproven(why: str) -> DatabaseError:
    return DatabaseError(
        f"The backup does not prove itself: {why}. Nothing was migrated."
        " Next: look at the backup and at the server that it was restored to, then try again."
    )


async def _restore(databases: Databases, name: str, backup: Path) -> None:
    folder = await asyncio.to_thread(programs)
    program = shutil.which("pg_restore") or (str(folder / "pg_restore") if folder else None)
    if program is None:
        raise _unproven("pg_restore is not installed")
    parts = databases.parts(name)
    env = {"PATH": os.environ.get("PATH", os.defpath), "PGHOST": parts["host"], "PGPORT": parts["port"],
           "PGUSER": parts["user"], "PGPASSWORD": parts["password"]}  # fmt: skip
    argv = [program, "--exit-on-error", "--no-owner", "--no-privileges", "--no-password", f"--dbname={name}"]
    try:
        done = await capture([*argv, str(backup)], env=env, timeout=TIMEOUT)
    except OSError as error:
        raise _unproven(f"pg_restore could not be started: {error}") from error
    if not done.ok:
        raise _unproven(
            plain(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it failed", 300)
        )


async def _compared(databases: Databases, name: str, live: Databases) -> Proof:
    async with databases.connected(name) as restored, live.connected(live.name) as origin:
        tables = [row[0] for row in await restored.fetch(_TABLES)]
        expected = [row[0] for row in await origin.fetch(_TABLES)]
        if lost := sorted(set(expected) - set(tables)):
            raise _unproven(f"it lacks {', '.join(lost[:5])}")
        counts = {table: await restored.fetchval(f"SELECT count(*) FROM {quoted(table)}") for table in tables}
        empty = [table for table in expected if not counts[table] and await _has_rows(origin, table)]
    if empty:
        raise _unproven(f"{', '.join(empty[:5])} came back empty")
    return Proof(len(tables), sum(counts.values()))


async def _has_rows(connection: asyncpg.Connection, table: str) -> bool:
    return bool(await connection.fetchval(f"SELECT EXISTS (SELECT FROM {quoted(table)})"))


def _sqlite(backup: Path) -> Proof:
    """Open the copy as it would be opened when it is needed."""
    try:
        with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as copy:
            said = [row[0] for row in copy.execute("PRAGMA integrity_check(5)")]
            named = copy.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            tables = [row[0].replace('"', '""') for row in named]
            rows = [copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables]
    except sqlite3.Error as error:
        raise _unproven(str(error)) from error
    if said != ["ok"]:
        raise _unproven(plain("; ".join(map(str, said)), 200))
    return Proof(len(tables), sum(rows))
