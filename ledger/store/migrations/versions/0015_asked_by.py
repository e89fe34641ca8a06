"""Who asked for an erasure, when it was not the seller."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("erasures", sa.Column("supervisor", Address(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("erasures") as table:
        table.drop_column("supervisor")
