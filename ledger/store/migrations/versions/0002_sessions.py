"""Sign-in nonces and sessions."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_nonces",
        sa.Column("nonce", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "sessions",
        sa.Column("key", Hash(), primary_key=True),
        sa.Column("account", Address(), nullable=False, index=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("sign_in_nonces")
