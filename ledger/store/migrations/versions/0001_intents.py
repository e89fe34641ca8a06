"""Senders, intents, attempts."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash, Uint256

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "senders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis", Hash(), nullable=False),
        sa.Column("address", Address(), nullable=False),
        sa.UniqueConstraint("chain_id", "genesis", "address"),
    )
    op.create_table(
        "intents",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("sender_id", sa.Integer(), sa.ForeignKey("senders.id"), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("digest", Hash(), nullable=False),
        sa.Column("to", Address(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("value", Uint256(), nullable=False),
        sa.Column("state", sa.String(7), nullable=False, index=True),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("mined_hash", Hash(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", Hash(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=True),
        sa.Column("revert_data", sa.LargeBinary(), nullable=True),
        sa.UniqueConstraint("sender_id", "key"),
        sa.UniqueConstraint("sender_id", "nonce"),
        sa.CheckConstraint("state IN ('pending', 'mined', 'final')", name="state"),
        sa.CheckConstraint("(state = 'pending') = (block_number IS NULL)", name="block"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("intent_id", sa.Integer(), sa.ForeignKey("intents.id"), nullable=False),
        sa.Column("hash", Hash(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("max_fee", Uint256(), nullable=False),
        sa.Column("tip", Uint256(), nullable=False),
        sa.Column("since_block", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("void", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("intent_id", "hash"),
    )


def downgrade() -> None:
    op.drop_table("attempts")
    op.drop_table("intents")
    op.drop_table("senders")
