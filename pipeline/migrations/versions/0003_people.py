"""Since when people are needed and when they were reminded; whose an item is; who follows a release.

The version before goes on working on the new schema: what it does not know has a default.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "followers",
        sa.Column("release_id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name=op.f("fk_followers_release_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("release_id", "user_id", name=op.f("pk_followers")),
    )
    op.add_column("checklist_items", sa.Column("assignee", sa.String(length=40), nullable=True))
    op.add_column("stage_runs", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stage_runs", sa.Column("reminder", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("stage_runs", "reminder")
    op.drop_column("stage_runs", "asked_at")
    op.drop_column("checklist_items", "assignee")
    op.drop_table("followers")
