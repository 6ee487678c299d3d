"""Scratch databases on a PostgreSQL server: made with a random name, copied, and dropped."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

import asyncpg

from pipeline.errors import DatabaseError

PREFIX = "releasebot_scratch_"
STALE = 24 * 3600
"""Seconds after which a scratch database is one that somebody who was killed has left behind."""

_CONNECT = 10.0
_STATEMENT = 60.0

SETTINGS = {
    "lock_timeout": "5s",
    "statement_timeout": "60s",
    "enable_seqscan": "off",
    "jit": "off",
    "timezone": "Asia/Kolkata",
}
"""Of every scratch database. Without planned sequential scans a statement that reads a whole table has no index for
what it looks for: then it takes as long as the table is. (That also makes every plan look worth compiling: no JIT.)
In UTC a timestamp becomes one with a time zone without a rewrite, elsewhere it does not: nobody knows production's."""

_UNUSED = """SELECT datname FROM pg_database d WHERE datname ~ $1
AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)"""

_OURS = {"enable_seqscan": "on", "jit": "off"}


class Databases:
    """The scratch databases of one judgement. Leave the context (`scratch`) and they are gone."""

    def __init__(self, server: str) -> None:
        self._server = _parsed(server)
        self._admin: asyncpg.Connection | None = None
        self.made: list[str] = []

    @property
    def driver(self) -> str:
        """The driver that the server's address names; "" for none."""
        return self._server.scheme.partition("+")[2]

    @property
    def name(self) -> str:
        """The database that the address names."""
        return str(_parameters(self._server, None)["database"])

    async def create(self, source: str | None = None) -> str:
        """A new database, empty or a copy of another one to which nobody is connected; its name."""
        name = f"{PREFIX}{int(time.time()):x}_{secrets.token_hex(8)}"
        self.made.append(name)
        admin = await self._as_admin()
        if source is not None:
            await _disconnect(admin, source)
        how = " STRATEGY file_copy" if admin.get_server_version().major >= 15 else ""
        with _rights():
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {source or 'template0'}{how}")
        settings = [f"ALTER DATABASE {name} SET {setting} = '{value}'" for setting, value in SETTINGS.items()]
        await admin.execute("; ".join(settings))
        return name

    async def drop(self, name: str) -> None:
        """Drop it, whoever is connected."""
        admin = await self._as_admin()
        await _disconnect(admin, name)
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        self.made.remove(name)

    async def sweep(self) -> None:
        """Drop what was left behind long ago, and is in nobody's use."""
        admin = await self._as_admin()
        for row in await admin.fetch(_UNUSED, f"^{PREFIX}[0-9a-f]+_"):
            if int(row[0].removeprefix(PREFIX).partition("_")[0], 16) < time.time() - STALE:
                await admin.execute(f"DROP DATABASE IF EXISTS {row[0]}")

    async def drop_all(self) -> None:
        """Drop all that is left. A server that is gone has taken them with it."""
        with suppress(DatabaseError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            for name in list(self.made):
                await self.drop(name)
        if self._admin is not None:
            await self._admin.close(timeout=5)

    @asynccontextmanager
    async def connected(self, name: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        """A connection to one of them, or to the server's own database. Raises DatabaseError."""
        connection = await self._connect(name)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    async def _as_admin(self) -> asyncpg.Connection:
        if self._admin is None or self._admin.is_closed():
            self._admin = await self._connect(None)
        return self._admin

    async def _connect(self, name: str | None) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                **_parameters(self._server, name),
                timeout=_CONNECT,
                command_timeout=_STATEMENT,
                server_settings=_OURS,
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise DatabaseError(
                f"The PostgreSQL server to try migrations on does not let us in: {error or 'it does not answer'}."
                " Next: look whether it runs, and whether its user may make databases."
            ) from error

    def url(self, name: str, driver: str = "") -> str:
        """A database's address in SQLAlchemy's form, for a given driver."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        place = self._server.netloc
        if (
            not self._server.hostname
        ):  # a socket, named in the query, which wins; settings want to see some host
            place = f"{place.rpartition('@')[0]}@localhost".removeprefix("@")
        return urlunsplit((scheme, place, f"/{name}", self._server.query, ""))

    def parts(self, name: str) -> dict[str, str]:
        """The address in parts: host, port, user, password, name."""
        known = _parameters(self._server, name)
        wanted = {"host": "localhost", "port": 5432, "user": "", "password": ""}
        return {**{key: str(known.get(key, usual)) for key, usual in wanted.items()}, "name": name}


@asynccontextmanager
async def scratch(server: str) -> AsyncIterator[Databases]:
    """Scratch databases on this server, dropped at the end."""
    databases = Databases(server)
    try:
        await databases.sweep()
        yield databases
    finally:
        await databases.drop_all()


@contextmanager
def _rights() -> Iterator[None]:
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseError(
            f"The PostgreSQL server to try migrations on refused: {error}."
            " Next: give its user the right to make databases (ALTER ROLE ... CREATEDB)."
        ) from error


async def _disconnect(admin: asyncpg.Connection, name: str) -> None:
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
        name,
    )


def _parsed(server: str) -> SplitResult:
    url = urlsplit(server)
    if not url.scheme or "://" not in server:
        raise DatabaseError(
            "The address of the PostgreSQL server is no URL such as postgresql://user:password@host/postgres."
            " Next: correct it."
        )
    if url.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise DatabaseError(
            f"Migrations are tried on PostgreSQL, and this is an address of {url.scheme.partition('+')[0]}."
            " Next: give the URL of a PostgreSQL server, or none."
        )
    return url


def _parameters(url: SplitResult, name: str | None) -> dict[str, Any]:
    """asyncpg's parameters for an address. Raises DatabaseError for a port that is none."""
    asked = parse_qs(url.query)
    try:
        port = url.port or int(asked.get("port", ["0"])[0]) or None
    except ValueError as error:
        raise DatabaseError(f"The address of the PostgreSQL server has a wrong port: {error}.") from error
    found = {
        "host": unquote(url.hostname) if url.hostname else asked.get("host", [None])[0],
        "port": port,
        "user": unquote(url.username) if url.username else asked.get("user", [None])[0],
        "password": unquote(url.password) if url.password else asked.get("password", [None])[0],
        "database": name or unquote(url.path.lstrip("/")) or "postgres",
        "ssl": asked.get("sslmode", [None])[0],
    }
    return {key: value for key, value in found.items() if value is not None}
