"""Uploads in sections that can be taken up again."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash
from ledger.store.uploads import SectionId

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_sections",
        sa.Column("id", SectionId(), primary_key=True),
        sa.Column("deposit", Hash(), sa.ForeignKey("deposits.id"), nullable=False, index=True),
        sa.Column("seller", Address(), nullable=False, index=True),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "upload_parts",
        sa.Column("section", SectionId(), sa.ForeignKey("upload_sections.id"), primary_key=True),
        sa.Column("start", sa.BigInteger(), primary_key=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.String(200), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("upload_parts")
    op.drop_table("upload_sections")
