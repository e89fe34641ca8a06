"""Grants and refusals."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash, Uint256
from ledger.store.grants import GrantId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "grants",
        sa.Column("id", GrantId(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("licence", Uint256(), nullable=False, index=True),
        sa.Column("account", Address(), nullable=False, index=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("denial", sa.String(32), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", Hash(), nullable=True),
        sa.Column("block_time", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(64), nullable=True),
        sa.Column("listing", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("plan", Uint256(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("uses_left", sa.BigInteger(), nullable=True),
        sa.Column("flags", sa.BigInteger(), nullable=True),
        sa.Column("root", Hash(), nullable=True),
        sa.Column("size", Uint256(), nullable=True),
        sa.Column("deposit", Hash(), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("grants")
