"""The tables of what waits for its time: freezes that people made, and releases that are scheduled or queued."""

from datetime import datetime
from typing import Any

from sqlalchemy import Enum, Float, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.models_base import Base
from pipeline.states import WishStatus

_PENDING = text("status IN ('waiting', 'halted')")


class FreezeWindow(Base):
    """A freeze that a person made: until when no release of a product starts or takes production forward.

    `said` is the message that tells of it. Those of bot.toml have no row.
    """

    __tablename__ = "freeze_windows"
    product: Mapped[str] = mapped_column(String(40), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(40))
    said: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Wish(Base):
    """A release that a person wants later: at `due_at`, or (without) when its turn in the queue has come.

    `code` and `facts` say what it waits for or how it ended, as a refusal does. `since`: a release of the product
    that failed later than this halts it. `asks` is the message that asks people while it is halted. Who is about to
    start it holds it by a lease; `look_at` is when it may be tried (again).
    """

    __tablename__ = "wishes"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    product: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(64))
    ref: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(40))
    team: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(40))
    status: Mapped[WishStatus] = mapped_column(
        Enum(WishStatus, native_enum=False, length=20, values_callable=lambda e: [m.value for m in e])
    )
    due_at: Mapped[datetime | None]
    code: Mapped[str] = mapped_column(String(60), default="", server_default="")
    facts: Mapped[dict[str, Any]]
    asks: Mapped[str | None] = mapped_column(String(80))
    release_id: Mapped[str | None] = mapped_column(String(40))
    origin: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime]
    since: Mapped[datetime]
    look_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    __table_args__ = (
        Index(
            "uq_wishes_pending",
            "product",
            "version",
            unique=True,
            postgresql_where=_PENDING,
            sqlite_where=_PENDING,
        ),
    )

    @property
    def ready_at(self) -> datetime:
        """Since when it is its turn, as far as time goes: wishes of a product start in this order."""
        return self.due_at or self.created_at
