"""The words that metadata documents are found by."""

import json

import sqlalchemy as sa
from alembic import op

from ledger.domain.dcat import words_of
from ledger.store.columns import Hash

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "document_words",
        sa.Column("word", sa.LargeBinary(), nullable=False),
        sa.Column("document", Hash(), nullable=False),
        sa.PrimaryKeyConstraint("word", "document"),
    )
    documents = sa.table("documents", sa.column("hash", Hash()), sa.column("canonical", sa.LargeBinary()))
    for digest, canonical in op.get_bind().execute(sa.select(documents)).all():
        if found := words_of(json.loads(canonical)):
            op.bulk_insert(table, [{"word": word.encode(), "document": digest} for word in sorted(found)])


def downgrade() -> None:
    op.drop_table("document_words")
