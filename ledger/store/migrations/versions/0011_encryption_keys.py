"""Registered encryption keys, and how long a grant is good for."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "encryption_keys",
        sa.Column("account", Address(), primary_key=True),
        sa.Column("suite", sa.String(32), primary_key=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
    )
    op.add_column("grants", sa.Column("valid_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("grants", "valid_until")
    op.drop_table("encryption_keys")
