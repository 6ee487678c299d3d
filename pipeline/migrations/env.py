"""Alembic's environment for the bot's own database; the URL comes from pipeline.store."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from pipeline import audit_models as audit_models  # its tables belong to the metadata
from pipeline.models_time import Wish
from pipeline.outage import translate_connecting

ONE_AT_A_TIME = 0x52454C45
"""PostgreSQL's lock for bots that start together: the second finds everything done."""


def run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})")
    context.configure(connection=connection, target_metadata=Wish.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    engine = create_async_engine(context.config.attributes["url"])
    translate_connecting(engine.sync_engine)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def main() -> None:
    """Use the caller's connection when there is one (tests), else connect."""
    if connection := context.config.attributes.get("connection"):
        run(connection)
    else:
        asyncio.run(connect_and_run())


main()
