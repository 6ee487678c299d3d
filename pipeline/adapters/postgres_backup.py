"""A backup of a PostgreSQL database by pg_dump, read to its end by pg_restore before it counts.

Not an adapter itself: what pipeline/adapters/alembic_files.py is built from.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL

from pipeline.adapters.backup_file import completed
from pipeline.errors import DatabaseError
from pipeline.plain import plain
from pipeline.process import capture

TIMEOUT = 3600.0
"""Seconds that pg_dump and pg_restore may take each."""

_PARAMETERS = {"host": "PGHOST", "port": "PGPORT", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}


async def back_up(url: URL, destination: Path) -> Path:
    """Dump the database to `destination` (readable by its owner alone). Raises DatabaseError.

    The password goes through the environment, where other users of the machine do not see it. A truncated
    dump still lists its contents: only reading it whole (`pg_restore --file`) shows that it is whole.
    """
    dump, restore = _program("pg_dump"), _program("pg_restore")
    env = _environment(url)
    if await asyncio.to_thread(destination.exists):
        await _run(restore, f"--file={os.devnull}", str(destination), env=env)
        return destination
    try:
        with completed(destination) as part:
            await _run(dump, "--format=custom", "--no-password", f"--file={part}", env=env)
            await _run(restore, f"--file={os.devnull}", str(part), env=env)
    except OSError as error:
        raise DatabaseError(
            f"The backup could not be written: {error}. Next: correct the folder's room and permissions."
        ) from error
    return destination


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DatabaseError(
            f"{name} is not installed, so PostgreSQL cannot be backed up."
            " Next: install PostgreSQL's client programs where the bot runs."
        )
    return found


def _environment(url: URL) -> dict[str, str]:
    parts = {
        "PGHOST": url.host,
        "PGUSER": url.username,
        "PGDATABASE": url.database,
        "PGPASSWORD": url.password,
    }
    env = {name: str(value) for name, value in parts.items() if value}
    if url.port:
        env["PGPORT"] = str(url.port)
    for name, variable in _PARAMETERS.items():
        value = url.query.get(name)
        if isinstance(value, str):
            env[variable] = value
    return env | {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PGCONNECT_TIMEOUT": "20"}


async def _run(program: str, *arguments: str, env: Mapping[str, str]) -> None:
    output = await capture((program, *arguments), env=env, timeout=TIMEOUT)
    if not output.ok:
        said = plain(output.stderr.strip() or f"it ended with code {output.code}", 300).rstrip(".")
        raise DatabaseError(
            f"The backup failed: {Path(program).name} says: {said}. Nothing was changed."
            " Next: check the database's address and password, the programs' version and the disk's room."
        )
