"""The listing of a licence, for figures; a listing's entries in their order."""

import sqlalchemy as sa
from alembic import op

from ledger.domain.ids import listing_of
from ledger.store.columns import Uint256

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

LICENCES = sa.table("index_licences", sa.column("licence", Uint256()), sa.column("listing", sa.BigInteger()))
IDS = 1 << 96
"""No licence has a larger one."""
AT_ONCE = 10_000
BEFORE = "ix_index_entries_listing"
AFTER = "ix_index_entries_listing_block_number_log_index"


def upgrade() -> None:
    op.add_column("index_licences", sa.Column("listing", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        listing: sa.ColumnElement[int] = sa.literal_column("div(licence::numeric, 2::numeric ^ 48)")
        op.execute(LICENCES.update().where(LICENCES.c.licence < IDS).values(listing=listing))
    else:
        _fill(op.get_bind())
    op.create_index(AFTER, "index_entries", ["listing", "block_number", "log_index"])
    op.drop_index(BEFORE, "index_entries")


def _fill(connection: sa.Connection) -> None:
    licence = LICENCES.c.licence
    fill = LICENCES.update().where(licence == sa.bindparam("id")).values(listing=sa.bindparam("of"))
    found = sa.select(licence).where(licence > sa.bindparam("after"), licence < IDS).order_by(licence)
    after = 0
    while some := connection.scalars(found.limit(AT_ONCE), {"after": after}).all():
        connection.execute(fill, [{"id": one, "of": listing_of(one)} for one in some])
        after = some[-1]


def downgrade() -> None:
    op.create_index(BEFORE, "index_entries", ["listing"])
    op.drop_index(AFTER, "index_entries")
    op.drop_column("index_licences", "listing")
