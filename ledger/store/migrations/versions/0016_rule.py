"""The rule that a grant or refusal was decided by."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("grants", sa.Column("rule", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("grants", "rule")
