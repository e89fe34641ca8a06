"""The index."""

import sqlalchemy as sa
from alembic import op

from ledger.store.columns import Address, Hash, Uint256
from ledger.store.index.tables import Region

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "index_cursor",
        sa.Column("deployment", Hash(), primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("head_number", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", Hash(), nullable=False),
        sa.Column("final_number", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "index_blocks",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", Hash(), nullable=False),
        sa.Column("parent", Hash(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False, index=True),
        sa.UniqueConstraint("hash"),
    )
    op.create_table(
        "index_entries",
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", Hash(), nullable=False),
        sa.Column("transaction_hash", Hash(), nullable=False),
        sa.Column("transaction_index", sa.BigInteger(), nullable=False),
        sa.Column("emitter", Address(), nullable=False),
        sa.Column("contract", sa.String(32), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("topic0", Hash(), nullable=False),
        sa.Column("args", sa.LargeBinary(), nullable=False),
        sa.Column("listing", sa.BigInteger(), nullable=True, index=True),
        sa.Column("licence", Uint256(), nullable=True, index=True),
        sa.PrimaryKeyConstraint("block_number", "log_index"),
        sa.UniqueConstraint(
            "chain_id", "block_hash", "transaction_hash", "log_index", "emitter", name="identity"
        ),
    )
    op.create_table(
        "index_undo",
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("table", sa.String(32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("block_number", "ordinal"),
    )
    op.create_table(
        "index_contracts",
        sa.Column("contract", sa.String(32), primary_key=True),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.Column("head", Hash(), nullable=True),
        sa.Column("authority", Address(), nullable=True),
    )
    op.create_table(
        "index_exchange",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.Column("block_time", sa.BigInteger(), nullable=True),
        sa.Column("pack_address", Address(), nullable=True),
        sa.Column("pack_version", sa.BigInteger(), nullable=True),
        sa.Column("fee_bps", sa.BigInteger(), nullable=True),
        sa.Column("tax_bps", sa.BigInteger(), nullable=True),
        sa.Column("confirm_window", sa.BigInteger(), nullable=True),
        sa.Column("arbitration_window", sa.BigInteger(), nullable=True),
        sa.Column("halted", sa.Boolean(), nullable=True),
        sa.Column("treasury", Address(), nullable=True),
        sa.Column("tax_authority", Address(), nullable=True),
    )
    op.create_table(
        "index_participants",
        sa.Column("account", Address(), primary_key=True),
        sa.Column("roles", sa.BigInteger(), nullable=True),
        sa.Column("jurisdiction", Region(), nullable=True),
        sa.Column("public_body", sa.Boolean(), nullable=True),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.Column("suspended_until", sa.BigInteger(), nullable=True),
        sa.Column("ever_held", sa.BigInteger(), nullable=True),
        sa.Column("credential", Hash(), nullable=True),
        sa.Column("listings_held", sa.BigInteger(), nullable=True),
        sa.Column("licences_held", sa.BigInteger(), nullable=True),
        sa.Column("anchored", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "index_listings",
        sa.Column("listing", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("importance", sa.BigInteger(), nullable=True, index=True),
        sa.Column("sharing", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.BigInteger(), nullable=True),
        sa.Column("personal", sa.BigInteger(), nullable=True),
        sa.Column("home", Region(), nullable=True),
        sa.Column("versions", sa.BigInteger(), nullable=True),
        sa.Column("plans", sa.BigInteger(), nullable=True),
        sa.Column("upstreams", sa.BigInteger(), nullable=True),
        sa.Column("required", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("delisted", sa.Boolean(), nullable=True),
        sa.Column("frozen_until", sa.BigInteger(), nullable=True),
        sa.Column("pack", sa.BigInteger(), nullable=True),
        sa.Column("imposed", sa.Boolean(), nullable=True),
        sa.Column("legal_basis", Hash(), nullable=True),
        sa.Column("upstream", sa.Text(), nullable=True),
        sa.Column("holder", Address(), nullable=True, index=True),
        sa.Column("approved", Address(), nullable=True),
    )
    op.create_table(
        "index_versions",
        sa.Column("listing", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("root", Hash(), nullable=True),
        sa.Column("metadata", Hash(), nullable=True),
        sa.Column("deposit_id", Hash(), nullable=True),
        sa.Column("size", Uint256(), nullable=True),
        sa.Column("region", Region(), nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("stale_at", sa.BigInteger(), nullable=True),
        sa.Column("attestations", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("listing", "number"),
    )
    op.create_table(
        "index_claims",
        sa.Column("deposit", Hash(), primary_key=True),
        sa.Column("listing", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "index_attestations",
        sa.Column("listing", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("reviewer", Address(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.Column("evidence", Hash(), nullable=True),
        sa.PrimaryKeyConstraint("listing", "version", "kind"),
    )
    op.create_table(
        "index_transfers",
        sa.Column("listing", sa.BigInteger(), nullable=False),
        sa.Column("account", Address(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("listing", "account"),
    )
    op.create_table(
        "index_plans",
        sa.Column("plan", Uint256(), primary_key=True),
        sa.Column("price", Uint256(), nullable=True),
        sa.Column("currency", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.BigInteger(), nullable=True),
        sa.Column("cap", sa.BigInteger(), nullable=True),
        sa.Column("sold", sa.BigInteger(), nullable=True),
        sa.Column("quota", sa.BigInteger(), nullable=True),
        sa.Column("flags", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("only_buyer", Address(), nullable=True),
        sa.Column("royalty_bps", sa.BigInteger(), nullable=True),
        sa.Column("terms", Hash(), nullable=True),
    )
    op.create_table(
        "index_licences",
        sa.Column("licence", Uint256(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.Column("pack", sa.BigInteger(), nullable=True),
        sa.Column("by_bank", sa.Boolean(), nullable=True),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("order", sa.BigInteger(), nullable=True),
        sa.Column("fee_bps", sa.BigInteger(), nullable=True),
        sa.Column("tax_bps", sa.BigInteger(), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("holder", Address(), nullable=True, index=True),
        sa.Column("approved", Address(), nullable=True),
    )
    op.create_table(
        "index_operators",
        sa.Column("owner", Address(), nullable=False),
        sa.Column("operator", Address(), nullable=False),
        sa.Column("listings", sa.Boolean(), nullable=True),
        sa.Column("licences", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("owner", "operator"),
    )
    op.create_table(
        "index_orders",
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("licence", Uint256(), nullable=True, index=True),
        sa.Column("buyer", Address(), nullable=True, index=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("pack", sa.BigInteger(), nullable=True),
        sa.Column("price", Uint256(), nullable=True),
        sa.Column("currency", sa.BigInteger(), nullable=True),
        sa.Column("renewal", sa.Boolean(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("block_number", "log_index"),
    )
    op.create_table(
        "index_payments",
        sa.Column("reference", Hash(), primary_key=True),
        sa.Column("licence", Uint256(), nullable=True, index=True),
        sa.Column("provider", Address(), nullable=True, index=True),
        sa.Column("currency", sa.BigInteger(), nullable=True),
        sa.Column("amount", Uint256(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "index_disputes",
        sa.Column("licence", Uint256(), primary_key=True),
        sa.Column("buyer", Address(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("reason", Hash(), nullable=True),
        sa.Column("arbiter", Address(), nullable=True),
        sa.Column("refund", Uint256(), nullable=True),
        sa.Column("decision", Hash(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "index_currencies",
        sa.Column("currency", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("token", Address(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("escrow", Uint256(), nullable=True),
    )
    op.create_table(
        "index_balances",
        sa.Column("currency", sa.BigInteger(), nullable=False),
        sa.Column("account", Address(), nullable=False),
        sa.Column("owed", Uint256(), nullable=True),
        sa.PrimaryKeyConstraint("currency", "account"),
    )
    op.create_table(
        "index_anchors",
        sa.Column("custodian", Address(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("size", Uint256(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.Column("root", Hash(), nullable=True),
        sa.PrimaryKeyConstraint("custodian", "index"),
    )


def downgrade() -> None:
    op.drop_table("index_anchors")
    op.drop_table("index_balances")
    op.drop_table("index_currencies")
    op.drop_table("index_disputes")
    op.drop_table("index_payments")
    op.drop_table("index_orders")
    op.drop_table("index_operators")
    op.drop_table("index_licences")
    op.drop_table("index_plans")
    op.drop_table("index_transfers")
    op.drop_table("index_attestations")
    op.drop_table("index_claims")
    op.drop_table("index_versions")
    op.drop_table("index_listings")
    op.drop_table("index_participants")
    op.drop_table("index_exchange")
    op.drop_table("index_contracts")
    op.drop_table("index_undo")
    op.drop_table("index_entries")
    op.drop_table("index_blocks")
    op.drop_table("index_cursor")
