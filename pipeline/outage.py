"""When the bot's own database does not answer: one error for it, and one line in the log until it is back."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pipeline.errors import StoreError

log = structlog.get_logger()

AWAY = (DBAPIError, PoolTimeoutError, ConnectionError, TimeoutError)
OURS = (IntegrityError, DataError)
"""What the database refuses although it can be worked with: a doubled row, a value that does not fit."""
REPEAT = 60.0
"""Seconds between two lines in the log about one outage."""


class Outage:
    """Turns what drivers raise into StoreError, and keeps whether the database can be worked with.

    A disk that is full can still be read: what failed in writing is over when a write succeeds.
    """

    def __init__(self, file: Path | None) -> None:
        self.why = ""
        self._file, self._known = file, (0, 0)
        self._writing = False
        self._since = self._said = 0.0
        self._failures = 0

    @contextlib.contextmanager
    def watching(self, writing: bool) -> Iterator[None]:
        """Around everything that is asked of the database. Raises StoreError."""
        try:
            self._same_file()
            yield
        except OURS:
            raise
        except AWAY as error:
            self.failed(_plain(error), writing)
            raise unanswered(self.why) from error
        self._answered(writing)

    def forget(self) -> None:
        """Every connection was closed: the next ones may find another file."""
        self._known = (0, 0)

    def _same_file(self) -> None:
        """SQLite would go on writing to a file that was removed, and all of it would be lost."""
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except OSError:
            found = None
        now = (found.st_dev, found.st_ino) if found else (0, 0)
        if self._known == (0, 0):
            self._known = now
        elif self._known != now:
            raise ConnectionError(
                f"the file {self._file} was {'replaced' if found else 'removed'} while the bot runs; stop the bot,"
                " put the file back or restore a backup, and start it again"
            )

    def failed(self, why: str, writing: bool) -> None:
        """Keep that it did not answer; say so when that is news."""
        now = time.monotonic()
        self._since = self._since if self.why else now
        self.why, self._failures = why, self._failures + 1
        self._writing = self._writing or writing
        if not self._said or now - self._said >= REPEAT:
            log.warning("database: does not answer, waiting", why=why, failures=self._failures)
            self._said = now

    def _answered(self, writing: bool) -> None:
        if self.why and (writing or not self._writing):
            seconds = round(time.monotonic() - self._since, 1)
            log.info("database: answers again", seconds=seconds, failures=self._failures)
            self.why, self._failures, self._writing, self._said = "", 0, False, 0.0


def unanswered(why: str) -> StoreError:
    """The error that everybody meets, whichever database and driver it is."""
    return StoreError(
        f"The bot's database does not answer: {why}. Nothing was recorded."
        " Next: look at the database and its disk; the bot goes on by itself when it is back."
    )


def _plain(error: BaseException) -> str:
    """The driver's own words, without the statement and its parameters: they may hold what people wrote."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = str(cause).strip().partition("\n")[0] or type(cause).__name__
    return said.rpartition("Error'>: ")[2].rstrip(".")


def translate_connecting(engine: Engine) -> None:
    """The driver and the network have errors of their own when a connection is made; SQLAlchemy hands them through."""

    def connect(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
        try:
            return dialect.connect(*arguments, **options)
        except Exception as error:
            raise dialect.loaded_dbapi.OperationalError(str(error) or type(error).__name__) from error

    event.listen(engine, "do_connect", connect)
