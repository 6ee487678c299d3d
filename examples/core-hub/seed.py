"""The smallest data that staging needs: one charge to look at. Running it again changes nothing."""

import os
import sys
from datetime import UTC, datetime

import sqlalchemy as sa

from core_hub.database import charges, connect
from core_hub.reader import read

OWNER = "tester:seed"
TEXT = "Monthly plan for the staging environment, EUR 10.00"


def main() -> int:
    """Insert the charge unless it is there. Exit code 2 without DATABASE_URL."""
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        sys.stderr.write(
            "Nothing was seeded: DATABASE_URL is not set. Set it and run `python seed.py` again.\n"
        )
        return 2
    engine = connect(url)
    try:
        with engine.begin() as connection:
            made = seed(connection)
    finally:
        engine.dispose()
    sys.stdout.write("Seeded one charge.\n" if made else "The seed is there already.\n")
    return 0


def seed(connection: sa.Connection) -> bool:
    """Whether the charge had to be made; in one transaction, so two seeds at once make one charge."""
    if connection.execute(sa.select(charges.c.id).where(charges.c.created_by == OWNER).limit(1)).first():
        return False
    reading = read(TEXT)
    row = {
        "customer": "Example Ltd",
        "text": TEXT,
        "category": reading.category,
        "amount_cents": reading.amount_cents,
        "suspicious": reading.suspicious,
        "status": "created",
        "created_by": OWNER,
        "created_at": datetime.now(UTC),
    }
    connection.execute(sa.insert(charges).values(row))
    return True


if __name__ == "__main__":
    raise SystemExit(main())
