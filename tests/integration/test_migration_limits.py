"""A migration of the bot's on PostgreSQL waits for a lock, and lasts, no longer than the playbook lets it."""

import os
from pathlib import Path

import asyncpg
import pytest

from pipeline.adapters.alembic_files import AlembicDatabase
from pipeline.adapters.commands import LocalRunner
from pipeline.config import Migrations
from pipeline.errors import DatabaseError
from pipeline.ports import MigrationJob
from pipeline.stages.common import patience
from tests.catalogue import ENV, INI, revision
from tests.postgres import Server

pytestmark = pytest.mark.postgres

ASYNCHRONOUS = """\
import asyncio, os
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()

asyncio.run(main())
"""


@pytest.mark.parametrize(("driver", "env"), [("psycopg", ENV), ("asyncpg", ASYNCHRONOUS)])
@pytest.mark.parametrize(
    ("up", "says"),
    [
        ('op.execute("ALTER TABLE users ADD COLUMN x text")', "lock timeout"),
        ('op.execute("SELECT pg_sleep(20)")', "statement timeout"),
    ],
    ids=["lock", "statement"],
)
async def test_a_migration_gives_up_in_time(
    tmp_path: Path, postgres: Server, driver: str, env: str, up: str, says: str
) -> None:
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(INI)
    (tmp_path / "migrations" / "env.py").write_text(env)
    (tmp_path / "migrations" / "versions" / "one.py").write_text(revision("one", None, up))
    url = postgres.create()
    limits = patience(Migrations(lock_timeout=0.2, statement_timeout=0.6))  # seconds
    variables = {
        "PATH": os.defpath,
        "DATABASE_URL": url.replace("postgresql:", f"postgresql+{driver}:"),
        **limits,
    }
    job = MigrationJob(tmp_path, "alembic.ini", variables, tmp_path / "log", 30.0)
    other = await asyncpg.connect(url)
    await other.execute("CREATE TABLE users (id int)")
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE users")
            with pytest.raises(DatabaseError, match=says):
                await AlembicDatabase(LocalRunner(lambda text: text)).upgrade(job)
    finally:
        await other.close()
