"""Samples."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("sha256", Hash(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("account", Address(), nullable=False, index=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("samples")
