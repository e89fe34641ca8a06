"""Deposits and payloads."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash
from ledger.store.deposits import Header

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deposits",
        sa.Column("id", Hash(), primary_key=True),
        sa.Column("seller", Address(), nullable=False, index=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("object", sa.String(200), nullable=True),
        sa.Column("root", Hash(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("header", Header(), nullable=True),
    )
    op.create_table(
        "payloads",
        sa.Column("deposit", Hash(), sa.ForeignKey("deposits.id"), primary_key=True),
        sa.Column("root", Hash(), nullable=False, unique=True),
        sa.Column("object", sa.String(200), nullable=False),
        sa.Column("seller", Address(), nullable=False, index=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("held_since", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("payloads")
    op.drop_table("deposits")
