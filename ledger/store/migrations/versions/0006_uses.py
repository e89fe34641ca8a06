"""Which counted use a grant belongs to."""

import sqlalchemy as sa
from alembic import op

from ledger.store.grants import GrantId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("grants", sa.Column("use", GrantId(), nullable=True))


def downgrade() -> None:
    op.drop_column("grants", "use")
