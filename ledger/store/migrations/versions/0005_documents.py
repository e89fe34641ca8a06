"""Metadata documents."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("hash", Hash(), primary_key=True),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.Column("account", Address(), nullable=False, index=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("documents")
