"""The access log, and where each grant stands in it."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Hash

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_log",
        sa.Column("index", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", Hash(), nullable=False),
    )
    op.create_table(
        "access_nodes",
        sa.Column("level", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("index", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", Hash(), nullable=False),
    )
    size = op.create_table(
        "access_size",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(size, [{"id": 1, "size": 0}])
    op.add_column("grants", sa.Column("entry", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("grants", "entry")
    op.drop_table("access_size")
    op.drop_table("access_nodes")
    op.drop_table("access_log")
