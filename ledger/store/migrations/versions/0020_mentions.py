"""What entries are found by, and their place in the journals. The index begins anew: it is a mirror."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Hash

revision = "0020"
down_revision = "0017"
branch_labels = None
depends_on = None

EMPTIED = (
    *("cursor", "blocks", "entries", "undo", "contracts", "exchange", "participants", "listings", "versions"),
    *("claims", "attestations", "transfers", "plans", "licences", "operators", "orders", "payments"),
    *("disputes", "currencies", "balances", "anchors"),
)


def upgrade() -> None:
    for name in EMPTIED:
        op.execute(sa.table(f"index_{name}").delete())
    op.add_column("index_entries", sa.Column("position", sa.BigInteger(), nullable=True))
    op.create_table(
        "index_mentions",
        sa.Column("word", Hash(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False, index=True),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("word", "block_number", "log_index"),
    )


def downgrade() -> None:
    op.drop_table("index_mentions")
    op.drop_column("index_entries", "position")
