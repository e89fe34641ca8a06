"""Who looked at the history."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

from ledger.store.columns import Address
from ledger.store.inquiries import InquiryId

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inquiries",
        sa.Column("id", InquiryId(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("account", Address(), nullable=False, index=True),
        sa.Column("role", AutoString(), nullable=False),
        sa.Column("view", AutoString(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("inquiries")
