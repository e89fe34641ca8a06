"""Certificates captured when their block became final."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Hash, Uint256

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", Uint256(), primary_key=True),
        sa.Column("version", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("changed", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("digest", Hash(), nullable=True, index=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "evidence_cursor",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("evidence_cursor")
    op.drop_table("evidence")
