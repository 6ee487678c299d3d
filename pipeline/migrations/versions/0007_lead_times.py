"""How long a deployment took: from commit to production, and from a failure to a good version.

The version before goes on working on the new schema: it leaves both empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("lead_seconds", sa.Float(), nullable=True))
    op.add_column("deployments", sa.Column("restore_seconds", sa.Float(), nullable=True))
    op.create_index("ix_deployments_time", "deployments", ["product", "environment", "at"])


def downgrade() -> None:
    op.drop_index("ix_deployments_time", "deployments")
    op.drop_column("deployments", "restore_seconds")
    op.drop_column("deployments", "lead_seconds")
