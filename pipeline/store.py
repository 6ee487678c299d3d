"""The database: one way to write (a transaction at a time on SQLite), one way to read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, func, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.sql.elements import ColumnElement

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Sessions on the bot's own database.

    On SQLite a writer takes `BEGIN IMMEDIATE` behind an in-process lock: writers queue fairly here
    instead of polling SQLite's file lock. On PostgreSQL rows are locked where they are contended.
    """

    def __init__(self, url: str) -> None:
        self.url = _async_url(url)
        self.sqlite = make_url(self.url).get_backend_name() == "sqlite"
        self._writing = asyncio.Lock() if self.sqlite else None
        self.engine = _engine(self.url, self.sqlite)
        self._reader = self.engine.execution_options(release_read=True)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end, or not at all."""
        async with (
            self._writing or contextlib.nullcontext(),
            AsyncSession(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for looking only; what it sees is one moment (SQLite) or the newest (PostgreSQL)."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session:
            yield session

    async def ping(self) -> None:
        """Raises what the driver raises when the database is not reachable."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def migrate(self) -> None:
        """Bring the schema to this version's head."""
        await asyncio.to_thread(command.upgrade, alembic_config(self.url), "head")

    async def close(self) -> None:
        await self.engine.dispose()

    @property
    def now(self) -> ColumnElement[float]:
        """The database's own clock in seconds since 1970: leases of several bots compare by it alone."""
        if self.sqlite:
            return (func.julianday("now") - 2440587.5) * 86400.0
        return func.date_part("epoch", func.clock_timestamp())


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the bot's own migrations (no ini file is needed)."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def _async_url(url: str) -> str:
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    scheme, separator, rest = url.partition("://")
    return f"{drivers.get(scheme, scheme)}{separator}{rest}"


def _engine(url: str, sqlite: bool) -> AsyncEngine:
    if not sqlite:
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True)
    if folder := make_url(url).database:
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, connect_args={"timeout": 10})
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
