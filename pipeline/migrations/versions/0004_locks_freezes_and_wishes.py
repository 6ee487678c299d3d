"""Locks that people made, freezes that people made, and releases that are scheduled or queued.

The version before goes on working on the new schema: it takes a lock that a person made for one that a rollback left,
and lets it go with the release that holds it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PENDING = sa.text("status IN ('waiting', 'halted')")


def upgrade() -> None:
    with op.batch_alter_table("locks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("said", sa.String(length=80), nullable=True))
    op.add_column(
        "releases", sa.Column("hotfix", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_index("ix_releases_product_finished", "releases", ["product", "finished_at"], unique=False)
    op.create_table(
        "freeze_windows",
        sa.Column("product", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("said", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("product", name="pk_freeze_windows"),
    )
    op.create_table(
        "wishes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("product", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("team", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.String(length=60), server_default="", nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("asks", sa.String(length=80), nullable=True),
        sa.Column("release_id", sa.String(length=40), nullable=True),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.Float(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_wishes"),
        sa.UniqueConstraint("origin", name="uq_wishes_origin"),
    )
    op.create_index(
        "uq_wishes_pending",
        "wishes",
        ["product", "version"],
        unique=True,
        postgresql_where=PENDING,
        sqlite_where=PENDING,
    )


def downgrade() -> None:
    op.drop_table("wishes")
    op.drop_table("freeze_windows")
    op.drop_index("ix_releases_product_finished", table_name="releases")
    op.drop_column("releases", "hotfix")
    with op.batch_alter_table("locks", schema=None) as batch_op:
        batch_op.drop_column("said")
