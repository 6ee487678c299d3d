"""Runs the migrations on the database of DATABASE_URL. Expand first, contract releases later."""

import os
import sys

from alembic import context

from core_hub.database import connect, metadata


def url() -> str:
    """DATABASE_URL; without it the process ends with a sentence and exit code 2."""
    value = os.environ.get("DATABASE_URL", "").strip()
    if not value:
        sys.stderr.write(
            "Nothing was migrated: DATABASE_URL is not set. Try DATABASE_URL=sqlite:///core-hub.db\n"
        )
        raise SystemExit(2)
    return value


def online() -> None:
    """Migrate in one transaction, DDL included (also in SQLite: see core_hub.database.connect)."""
    engine = connect(url())
    try:
        with engine.connect() as connection:
            context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


def offline() -> None:
    """Write the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(url=url(), target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    online()
