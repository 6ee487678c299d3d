"""The database: one way to write (a transaction at a time on SQLite), one way to read."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ARRAY, Connection, String, cast, event, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.sql.elements import ColumnElement

from pipeline.chain import Seal
from pipeline.errors import StoreError
from pipeline.outage import Outage, translate_connecting, unanswered

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"

CHANNEL = "releasebot"
"""PostgreSQL's channel by which the bots on one database wake each other: "sender release"."""
SENDER = "sender"
SEAL = "seal"
"""What a writing session knows: who it is to the other bots, and how entries of the audit log are made."""

PATIENCE = 2.0
"""Seconds that an answer may take when somebody waits for it: Slack gives an acknowledgement three."""
CONNECTING, ANSWERING = 5.0, 60.0
"""Seconds after which a PostgreSQL server that says nothing counts as gone."""


class Database:
    """Sessions on the bot's own database.

    On SQLite a writer takes `BEGIN IMMEDIATE` behind an in-process lock: writers queue fairly here
    instead of polling SQLite's file lock. On PostgreSQL rows are locked where they are contended.
    `seal` makes the entries of the audit log that are written by it.
    """

    def __init__(self, url: str, seal: Seal | None = None) -> None:
        self.url = _async_url(url)
        self.sqlite = make_url(self.url).get_backend_name() == "sqlite"
        self.name = token_hex(4)
        self.seal = seal or Seal()
        self._patient = asyncio.Lock() if self.sqlite else None
        self._writing = asyncio.Lock() if self.sqlite else None
        self.outage = Outage(_file(make_url(self.url)) if self.sqlite else None)
        self._late: set[asyncio.Task[Any]] = set()
        self.engine = _engine(self.url, self.sqlite)
        one_moment = (
            {} if self.sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        self._reader = self.engine.execution_options(release_read=True, **one_moment)
        self._inside: Counter[asyncio.Task[Any] | None] = Counter()
        self._doomed: set[asyncio.Task[Any] | None] = set()

    @contextlib.asynccontextmanager
    async def transaction(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end, or not at all. Raises StoreError when the database is away.

        `urgent` is for what has a deadline, acknowledgements and leases: on SQLite at most one of the other
        writers that queue goes before it.
        """
        with self.undisturbed(), self.outage.watching(writing=True):
            async with (
                (None if urgent else self._patient) or contextlib.nullcontext(),
                self._writing or contextlib.nullcontext(),
                AsyncSession(self.engine, expire_on_commit=False, info=self._knows()) as session,
                session.begin(),
            ):
                yield session

    def _knows(self) -> dict[str, Any]:
        return {SENDER: self.name, SEAL: self.seal}

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for looking only; what it sees is one moment, that of its first look.

        Raises StoreError when the database is away.
        """
        with self.undisturbed(), self.outage.watching(writing=False):
            async with AsyncSession(self._reader, expire_on_commit=False) as session:
                yield session

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task, though not in the middle of a session, but as soon as it is out of it.

        A driver that is interrupted may leave its connection behind, and on SQLite the write lock with it.
        """
        if self._inside[task]:
            self._doomed.add(task)
        else:
            task.cancel()

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A block that `cancel` waits for."""
        task = asyncio.current_task()
        self._inside[task] += 1
        try:
            yield
        finally:
            self._inside[task] -= 1
            if not self._inside[task]:
                del self._inside[task]
                if task in self._doomed:
                    self._doomed.discard(task)
                    raise asyncio.CancelledError

    async def soon(self, work: Coroutine[Any, Any, T], seconds: float = PATIENCE) -> T:
        """What `work` gives, for somebody who waits. Raises StoreError when it takes longer than that.

        The work is then left to end by itself: a driver's thread that waits for a lock cannot be called back.
        """
        task = self.minded(work)
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.outage.failed(f"no answer within {seconds:g} seconds", writing=True)
        raise unanswered(self.outage.why)

    def minded(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin work that nobody may be left to wait for; what is not done by then is cancelled by `close`."""
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    async def ping(self) -> None:
        """Raises StoreError when the database cannot be worked with. After an outage only a write tells."""
        await self.soon(self._write() if self.outage.why else self._read())

    async def _read(self) -> None:
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def _write(self) -> None:
        async with self.transaction() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = version_num"))

    async def migrate(self) -> None:
        """Bring the schema to this version's head. Raises StoreError, also for a schema of a newer version."""
        if not await self.is_current():
            await asyncio.to_thread(_upgrade, self.url)

    async def is_current(self) -> bool:
        """Whether the schema is this version's."""
        return await self._revision() == newest_revision()

    async def _revision(self) -> str | None:
        """Where the schema stands; None for a new database and where the upgrade must say what is wrong."""
        try:
            async with self._reader.connect() as connection:
                found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
                return found
        except (DBAPIError, OSError):
            return None

    async def close(self) -> None:
        """Let go of every connection, also of those that still wait for an answer."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self.engine.dispose()
        self.outage.forget()

    @property
    def now(self) -> ColumnElement[float]:
        """The database's own clock in seconds since 1970: leases of several bots compare by it alone."""
        if self.sqlite:
            return (func.julianday("now") - 2440587.5) * 86400.0
        return func.date_part("epoch", func.clock_timestamp())


async def settled(write: Callable[[], Awaitable[T]]) -> T:
    """Write; and once more when somebody else wrote the same row first, which can then be seen."""
    try:
        return await write()
    except IntegrityError:
        return await write()


async def wake(session: AsyncSession, *releases: str) -> None:
    """Have the other bots look (at these releases, or at everything) as soon as this transaction commits.

    On SQLite there is no other bot.
    """
    if session.get_bind().dialect.name == "postgresql":
        sender = session.info.get(SENDER, "")
        said = [f"{sender} {release}" for release in releases or [""]]
        await session.execute(select(func.pg_notify(CHANNEL, func.unnest(cast(said, ARRAY(String))))))


def newest_revision() -> str:
    """The head of the bot's own migrations, by the names of their files: NUMBER_title.py."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _upgrade(url: str) -> None:
    # Loaded here alone: at most starts there is nothing to migrate, and Alembic is 12 MB of memory.
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        command.upgrade(alembic_config(url), "head")
    except (SQLAlchemyError, OSError) as error:
        raise unanswered(str(error).partition("\n")[0]) from error
    except CommandError as error:
        raise StoreError(
            f"The bot's database is not of this version: {error}. Nothing was changed."
            " Next: run the version that it was last migrated with, or a newer one."
        ) from error


def alembic_config(url: str) -> "Config":
    """Alembic's configuration for the bot's own migrations (no ini file is needed)."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def _async_url(url: str) -> str:
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    scheme, separator, rest = url.partition("://")
    return f"{drivers.get(scheme, scheme)}{separator}{rest}"


def _file(url: URL) -> Path | None:
    return Path(url.database) if url.database and url.database != ":memory:" else None


def _engine(url: str, sqlite: bool) -> AsyncEngine:
    if not sqlite:
        limits = {"timeout": CONNECTING, "command_timeout": ANSWERING}
        engine = create_async_engine(
            url, pool_size=10, max_overflow=10, pool_pre_ping=True, connect_args=limits
        )
        translate_connecting(engine.sync_engine)
        return engine
    if file := _file(make_url(url)):
        file.parent.mkdir(parents=True, exist_ok=True)
    # No overflow: connections that come and go cost a thread each time, and one that is cancelled while it
    # is being opened is left to the garbage collector.
    engine = create_async_engine(url, pool_size=16, max_overflow=0, connect_args={"timeout": 10})
    event.listen(engine.sync_engine, "connect", _configure_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin ourselves; the driver's own BEGIN comes too late
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("release_read")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
