"""Until when the last custody receipt of a payload can be used."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payloads", sa.Column("receipt_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("payloads", "receipt_until")
