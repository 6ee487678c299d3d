"""The tables, and an engine on them. SQLite by default; nothing here keeps PostgreSQL from serving."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine

BUSY_SECONDS = 5.0
"""How long a writer waits for another one; two versions serve at once during a canary."""

READ = {"core_hub_read": True}
"""Execution options of a transaction that only reads: in SQLite it then takes no write lock."""


class Utc(sa.TypeDecorator[datetime]):
    """A moment in UTC, aware on both sides; SQLite alone would give it back without its zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive moments by raising ValueError from `astimezone`-less values."""
        if value is not None and value.tzinfo is None:
            raise ValueError("A moment needs a time zone: use datetime.now(UTC).")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Marks what comes from the database as UTC."""
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


metadata = sa.MetaData()

charges = sa.Table(
    "charges",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("customer", sa.String(120), nullable=False),
    sa.Column("text", sa.String(2000), nullable=False),
    sa.Column("category", sa.String(20), nullable=False),
    sa.Column("amount_cents", sa.BigInteger, nullable=False),
    sa.Column("suspicious", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(12), nullable=False),  # created -> approved -> sending -> sent
    sa.Column("created_by", sa.String(60), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("approved_by", sa.String(60)),
    sa.Column("approved_at", Utc),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("charge_id", sa.ForeignKey("charges.id"), nullable=False),
    sa.Column("dry_run", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),  # queued -> running -> done
    sa.Column("runs", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.String(80)),
    sa.Column("claimed_at", Utc),
    sa.Column("finished_at", Utc),
    sa.Column("receipt", sa.String(64)),
    sa.Index("ix_jobs_state", "state", "id"),
    sa.Index("ix_jobs_charge_id", "charge_id"),
)


def connect(url: str) -> Engine:
    """An engine for `url`. A SQLite one uses WAL and waits for other writers instead of failing."""
    address = sa.make_url(url)
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, pool_pre_ping=True)
    # An URL written for an asynchronous driver names the same file.
    engine = sa.create_engine(address.set(drivername="sqlite"), connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # None: sqlite3 begins no transactions of its own, so that a migration's DDL is inside one too.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once, not wait, when another
    # one wrote in between; so whoever may write says so at its beginning.
    reads = connection.get_execution_options().get("core_hub_read")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
