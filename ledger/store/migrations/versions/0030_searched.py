"""Indexes for what is searched by event, and for trades by their time."""

from alembic import op

revision = "0030"
down_revision = "0022"
branch_labels = None
depends_on = None

ENTRIES = "ix_index_entries_event_block_number_log_index"
ORDERS = "ix_index_orders_time"


def upgrade() -> None:
    op.create_index(ENTRIES, "index_entries", ["event", "block_number", "log_index"])
    op.create_index(ORDERS, "index_orders", ["time"])


def downgrade() -> None:
    op.drop_index(ORDERS, "index_orders")
    op.drop_index(ENTRIES, "index_entries")
