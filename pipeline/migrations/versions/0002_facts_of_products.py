"""Facts of a product that belong to no release are told too: a message then has a product instead of a release.

The version before goes on working on the new schema: it never takes a message without a release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OF_NO_RELEASE = sa.text("release_id IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.alter_column("release_id", existing_type=sa.String(length=40), nullable=True)
        batch_op.add_column(sa.Column("product", sa.String(length=40), nullable=True))
    op.create_index(
        "uq_deliveries_product",
        "deliveries",
        ["product", "topic"],
        unique=True,
        postgresql_where=OF_NO_RELEASE,
        sqlite_where=OF_NO_RELEASE,
    )
    op.create_index(
        "ix_events_product",
        "events",
        ["product", "id"],
        unique=False,
        postgresql_where=OF_NO_RELEASE,
        sqlite_where=OF_NO_RELEASE,
    )


def downgrade() -> None:
    op.drop_index("ix_events_product", table_name="events")
    op.drop_index("uq_deliveries_product", table_name="deliveries")
    op.execute(sa.text("DELETE FROM deliveries WHERE release_id IS NULL"))
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("product")
        batch_op.alter_column("release_id", existing_type=sa.String(length=40), nullable=False)
