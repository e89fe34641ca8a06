"""Deposits are opened once for each idempotency key of their seller."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deposits") as table:
        table.add_column(sa.Column("once", sa.String(128), nullable=True))
        table.create_unique_constraint(op.f("uq_deposits_seller_once"), ["seller", "once"])


def downgrade() -> None:
    with op.batch_alter_table("deposits") as table:
        table.drop_constraint(op.f("uq_deposits_seller_once"), type_="unique")
        table.drop_column("once")
