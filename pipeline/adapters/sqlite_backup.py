"""A backup of a SQLite database: a consistent copy, checked before it counts.

Not an adapter itself: what pipeline/adapters/alembic_files.py is built from. Blocks; call it in a thread.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from pipeline.adapters.backup_file import completed
from pipeline.errors import DatabaseError
from pipeline.plain import plain

PATIENCE = 60.0
"""Seconds that a backup waits for a writer who holds the database."""

Counts = dict[str, int]


def back_up(url: URL, destination: Path) -> Path:
    """Copy the database to `destination` (readable by its owner alone). Raises DatabaseError.

    The rows are counted in the same read transaction that is copied: writers do not blur the comparison.
    """
    source = _source(url)
    try:
        if destination.exists():
            _counts_of(destination)
            return destination
        with completed(destination) as part:
            _compare(_copy(source, part), _counts_of(part))
    except (sqlite3.Error, OSError, TimeoutError) as error:
        raise DatabaseError(
            f"The backup of {source} to {destination} failed: {plain(str(error))}."
            " Nothing was changed. Next: look at the database, the disk's room and the permissions; try again."
        ) from error
    return destination


def _source(url: URL) -> Path:
    path = Path(url.database or "")
    if not path.is_absolute():
        raise DatabaseError(
            f"There is nothing to back up at “{plain(url.database or '')}”: only a file's absolute path is certain"
            " to be the product's database. Next: write sqlite:/// and the absolute path."
        )
    if not path.is_file():
        raise DatabaseError(
            f"There is no database at {path}, so there is no backup. Next: correct the database's address."
        )
    return path


def _copy(source: Path, part: Path) -> Counts:
    # rw, not ro: a database whose last writer was killed must roll back its journal first.
    with closing(_open(source, "mode=rw")) as reading, closing(sqlite3.connect(part)) as writing:
        reading.execute("BEGIN")
        counts = _counts(reading)
        reading.backup(writing, progress=_deadline())
    return counts


def _deadline() -> Callable[[int, int, int], None]:
    """sqlite3 repeats a busy step for ever; an error in its progress callback ends that."""
    end = time.monotonic() + PATIENCE

    def progress(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > end:
            raise TimeoutError(f"another process held it for {PATIENCE:g} seconds")

    return progress


def _counts_of(path: Path) -> Counts:
    """The rows by table of a finished copy. Raises when it is damaged; leaves no file beside it."""
    with closing(_open(path, "mode=ro&immutable=1")) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"{path.name} is damaged: {verdict}")
        return _counts(connection)


def _counts(connection: sqlite3.Connection) -> Counts:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    found: Counts = {}
    for (name,) in tables:
        quoted = name.replace('"', '""')
        (found[name],) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 - quoted
    return found


def _compare(before: Counts, after: Counts) -> None:
    differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if differing:
        raise sqlite3.DatabaseError(f"the copy has other rows in {', '.join(differing)}")


def _open(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}", uri=True, timeout=PATIENCE, isolation_level=None
    )
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection
