"""Alembic's environment for the bot's own database; the URL comes from pipeline.store."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from pipeline.models import Base


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    engine = create_async_engine(context.config.attributes["url"])
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


def main() -> None:
    """Use the caller's connection when there is one (tests), else connect."""
    if connection := context.config.attributes.get("connection"):
        run(connection)
    else:
        asyncio.run(connect_and_run())


main()
