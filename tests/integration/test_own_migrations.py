"""The bot's own migrations, on both kinds of database: up, down and up again, and no drift from the models."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from pipeline import audit_models as audit_models  # its tables belong to the metadata
from pipeline.models_time import Wish
from pipeline.store import MIGRATIONS, Database, alembic_config
from tests.postgres import Server

T = TypeVar("T")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bot.db"
    server: Server = request.getfixturevalue("postgres")
    return server.create()


async def ask(url: str, question: Callable[[Connection], T]) -> T:
    """Run a synchronous question on the database, in one transaction."""
    db = Database(url)
    try:
        async with db.engine.begin() as connection:
            return await connection.run_sync(question)
    finally:
        await db.close()


def step(action: Callable[..., None], revision: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        config = alembic_config("")
        config.attributes["connection"] = connection
        action(config, revision)

    return run


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def difference(connection: Connection) -> list[object]:
    """What a new migration would have to change; indexes with a condition compare as text on each kind."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Wish.metadata))


async def test_up_down_and_up_again(empty: str) -> None:
    await ask(empty, step(command.upgrade, "head"))
    assert await ask(empty, tables) == set(Wish.metadata.tables)
    await ask(empty, step(command.downgrade, "base"))
    assert await ask(empty, tables) == set()
    await ask(empty, step(command.upgrade, "head"))
    assert await ask(empty, tables) == set(Wish.metadata.tables)


async def test_the_migrations_make_what_the_models_say(empty: str) -> None:
    await ask(empty, step(command.upgrade, "head"))
    assert await ask(empty, difference) == []


def test_no_migration_imports_the_pipeline() -> None:
    """A migration stays what it was when the models change."""
    for path in (MIGRATIONS / "versions").glob("*.py"):
        assert "pipeline" not in path.read_text(encoding="utf-8"), path.name
