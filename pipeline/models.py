"""The bot's own tables. Statuses are written through pipeline.states only."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Enum,
    Float,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.models_base import Base, BigId
from pipeline.states import ReleaseStatus, StageStatus

_UNSENT = text("sent < wanted AND given_up IS NULL")
_GIVEN_UP = text("given_up IS NOT NULL")
_UNHANDLED = text("handled_at IS NULL")
_UNTIDIED = text("tidied_at IS NULL AND finished_at IS NOT NULL")
_OF_NO_RELEASE = text("release_id IS NULL")


def _status(kind: type[ReleaseStatus] | type[StageStatus]) -> Enum:
    return Enum(kind, native_enum=False, length=20, values_callable=lambda e: [m.value for m in e])


class Release(Base):
    """One release of one version, with its lease (`owner`, `epoch`, `lease_until`).

    `tidied_at` is when retention took its progress away; what people decided stays. `hotfix_facts`: the reason of a
    hotfix, and the name of the freeze that it passes ("": none).
    """

    __tablename__ = "releases"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    product: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(64))
    commit: Mapped[str] = mapped_column("commit_sha", String(64))
    base_version: Mapped[str | None] = mapped_column(String(64))
    base_commit: Mapped[str | None] = mapped_column(String(64))
    base_release: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[ReleaseStatus] = mapped_column(_status(ReleaseStatus))
    direction: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(40))
    plan: Mapped[list[Any]]
    playbook: Mapped[dict[str, Any]]
    playbook_hash: Mapped[str] = mapped_column(String(64))
    requested_by: Mapped[str] = mapped_column(String(40))
    hotfix: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    hotfix_facts: Mapped[dict[str, Any] | None]
    channel: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)
    production_touched: Mapped[bool] = mapped_column(Boolean, server_default=false(), default=False)
    turn_to: Mapped[dict[str, Any] | None]
    turned: Mapped[dict[str, Any] | None]
    origin: Mapped[str] = mapped_column(String(200), unique=True)
    signals: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    tidied_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(80))
    epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_until: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    wake_at: Mapped[datetime | None] = mapped_column(index=True)
    __table_args__ = (
        Index("ix_releases_product_created", "product", "created_at"),
        Index("ix_releases_product_finished", "product", "finished_at"),
        Index("ix_releases_status", "status"),
        Index("ix_releases_untidied", "finished_at", postgresql_where=_UNTIDIED, sqlite_where=_UNTIDIED),
    )


class StageRun(Base):
    """One durable attempt of a stage. `data` is what it must remember; `code` and `facts` say how it went.

    `asked_at` is since when people are needed, `reminder` when they were told again the last time, and who was.
    """

    __tablename__ = "stage_runs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))
    generation: Mapped[int]
    status: Mapped[StageStatus] = mapped_column(_status(StageStatus))
    epoch: Mapped[int]
    seen_signals: Mapped[int] = mapped_column(default=0, server_default="0")
    data: Mapped[dict[str, Any]]
    code: Mapped[str] = mapped_column(String(60), default="")
    facts: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    reminder: Mapped[dict[str, Any] | None]
    __table_args__ = (UniqueConstraint("release_id", "name", "generation"),)


class Image(Base):
    """The image of a component that a release was tested, approved and deployed with."""

    __tablename__ = "images"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    component: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(80))
    reference: Mapped[str] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("release_id", "component"),)


class Deployment(Base):
    """A version that took all traffic of an environment, by going forward (release) or back (rollback).

    `lead_seconds` and `restore_seconds` are what the metrics are made of (see pipeline/timings.py).
    """

    __tablename__ = "deployments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product: Mapped[str] = mapped_column(String(40))
    environment: Mapped[str] = mapped_column(String(40))
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    version: Mapped[str] = mapped_column(String(64))
    cause: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    lead_seconds: Mapped[float | None] = mapped_column(Float)
    restore_seconds: Mapped[float | None] = mapped_column(Float)
    __table_args__ = (
        UniqueConstraint("cause", "environment", "kind"),
        Index("ix_deployments_where", "product", "environment", "id"),
        Index("ix_deployments_time", "product", "environment", "at"),
    )


class Lock(Base):
    """Keeps an environment from being deployed to. `release_id` is set while a release holds it.

    `said` is the message that tells of it when a person has locked by hand, also while a release holds it (see
    pipeline.locks). Without either it is what a rollback left.
    """

    __tablename__ = "locks"
    product: Mapped[str] = mapped_column(String(40), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    release_id: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(40))
    said: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class ChecklistItem(Base):
    """One line of a release's checklist. Items with a `proof` are ticked by the bot, with evidence."""

    __tablename__ = "checklist_items"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    phase: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(150))
    proof: Mapped[str | None] = mapped_column(String(20))
    done: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    evidence: Mapped[dict[str, Any]]
    done_by: Mapped[str | None] = mapped_column(String(40))
    done_at: Mapped[datetime | None]
    assignee: Mapped[str | None] = mapped_column(String(40))
    __table_args__ = (UniqueConstraint("release_id", "phase", "key"),)


class Approval(Base):
    """A person's decision on what a stage run asked, bound to exactly what was looked at.

    `origin` is the click's own id: the same click twice is one decision.
    """

    __tablename__ = "approvals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), index=True)
    stage_run_id: Mapped[int] = mapped_column(BigId, index=True)
    decision: Mapped[str] = mapped_column(String(10))
    user: Mapped[str] = mapped_column("user_id", String(40))
    team: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text)
    bound: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    origin: Mapped[str] = mapped_column(String(200), unique=True)


class Follower(Base):
    """Who wants to hear of a release (`follow`), or no more of it (`mute`)."""

    __tablename__ = "followers"
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True)
    user: Mapped[str] = mapped_column("user_id", String(40), primary_key=True)
    mode: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]


class Event(Base):
    """A fact, past tense, of a release or (without one) of a product. Append-only: what the outbox works from.

    What is to be kept for ever is in the audit log too (audit_models.py): from here retention takes progress away.
    """

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[str | None] = mapped_column(String(40))
    product: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    __table_args__ = (
        Index("ix_events_release", "release_id", "id"),
        Index(
            "ix_events_product", "product", "id", postgresql_where=_OF_NO_RELEASE, sqlite_where=_OF_NO_RELEASE
        ),
    )


class Delivery(Base):
    """One message that people should see, and how far it got. `wanted` and `sent` are event ids.

    Without a release it tells a product's own facts: it shows the event that it is wanted for, and `channel` is where
    it goes from the beginning.
    """

    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    release_id: Mapped[str | None] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    product: Mapped[str | None] = mapped_column(String(40))
    topic: Mapped[str] = mapped_column(String(80))
    wanted: Mapped[int] = mapped_column(BigId)
    sent: Mapped[int] = mapped_column(BigId, default=0, server_default="0")
    channel: Mapped[str | None] = mapped_column(String(40))
    ts: Mapped[str | None] = mapped_column(String(40))
    urgent: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    posting: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_at: Mapped[datetime]
    given_up: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("release_id", "topic"),
        Index(
            "uq_deliveries_product",
            "product",
            "topic",
            unique=True,
            postgresql_where=_OF_NO_RELEASE,
            sqlite_where=_OF_NO_RELEASE,
        ),
        Index("ix_deliveries_due", "next_at", postgresql_where=_UNSENT, sqlite_where=_UNSENT),
        Index("ix_deliveries_given_up", "id", postgresql_where=_GIVEN_UP, sqlite_where=_GIVEN_UP),
    )


class Inbox(Base):
    """What Slack sent, stored before it was acked; `dedup` is the same for a doubled delivery.

    Who deals with it holds it by a lease, as a release is held: a peer takes over what was left.
    """

    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    dedup: Mapped[str] = mapped_column(String(200), unique=True)
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None] = mapped_column(index=True)
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    __table_args__ = (
        Index("ix_inbox_unhandled", "id", postgresql_where=_UNHANDLED, sqlite_where=_UNHANDLED),
    )


class Budget(Base):
    """Until when a rate of the chat platform is spent, by all bots together (pipeline/pacing.py)."""

    __tablename__ = "budgets"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    spent_until: Mapped[datetime]
