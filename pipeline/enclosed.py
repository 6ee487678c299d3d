"""The files that messages carry, as deliveries of their own (see pipeline/parcel.py)."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.events import CUSTOMERS, customers_post
from pipeline.models import Delivery
from pipeline.parcel import Parcel, file_topic
from pipeline.store import Database


async def want(db: Database, parcel: Parcel, names: tuple[str, ...], at: datetime) -> None:
    """Have the files of a message sent that are not wanted yet."""
    table: Any = Delivery.__table__
    into: Any = sqlite if db.sqlite else postgresql
    rows = [_row(parcel, name, at) for name in names]
    async with db.transaction() as session:
        await session.execute(into.insert(table).on_conflict_do_nothing(), rows)


def _row(parcel: Parcel, name: str, at: datetime) -> dict[str, Any]:
    return {
        "release_id": parcel.release.id,
        "topic": file_topic(parcel.topic, name),
        "wanted": parcel.wanted,
        "sent": 0,
        "urgent": False,
        "next_at": at,
    }


async def lost(db: Database, parcel: Parcel) -> None:
    """A file, or what customers were to be told, was given up: the message that has it is shown again, and says so."""
    to_customers = parcel.topic.startswith(customers_post(""))
    if parcel.file is None and not to_customers:
        return
    topic = CUSTOMERS if to_customers else parcel.message_topic
    carrier = (Delivery.release_id == parcel.release.id, Delivery.topic == topic)
    async with db.transaction() as session:
        again = update(Delivery).where(*carrier).values(sent=Delivery.wanted - 1)
        await session.execute(again.execution_options(synchronize_session=False))
