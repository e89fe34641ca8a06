"""Requests for erasure."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("deposit", Hash(), sa.ForeignKey("payloads.deposit"), primary_key=True),
        sa.Column("root", Hash(), nullable=False, unique=True),
        sa.Column("seller", Address(), nullable=False, index=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("erasures")
