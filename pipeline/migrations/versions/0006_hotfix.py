"""Why a release is a hotfix, and which freeze it passes.

The version before goes on working on the new schema: it knows no hotfix.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("releases", sa.Column("hotfix_facts", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("releases", "hotfix_facts")
