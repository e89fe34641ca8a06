"""Tables of the index.

`index_cursor`, `index_blocks`, `index_entries` and `index_undo` say what was read. All others say what it
made of the market; each column of theirs that is not of the key may be NULL, for what no event has told yet.
Columns have the names that the contracts' structs give them, bit masks and enums the contracts' numbers;
times are in Unix seconds, 0 for none. Written by `ledger.indexer`, never by hand.
"""

from sqlalchemy import Index, LargeBinary, PrimaryKeyConstraint, String, Text, UniqueConstraint
from sqlmodel import Field

from ledger.store.columns import Address, Bytes, Hash, Integer64, Table, Uint256


class Region(Bytes):
    """ISO 3166-1 alpha-2, two bytes of ASCII, or two zeros."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(2)


# What was read


class CursorRow(Table, table=True):
    """One row. `deployment` names chain and contracts, `generation` counts rebuilds, `head` is the newest
    block applied."""

    __tablename__ = "index_cursor"

    deployment: bytes = Field(primary_key=True, sa_type=Hash)
    generation: int = Field(sa_type=Integer64)
    head_number: int = Field(sa_type=Integer64)
    head_hash: bytes = Field(sa_type=Hash)
    final_number: int = Field(sa_type=Integer64)


class BlockRow(Table, table=True):
    """Every block applied, and the one before the first."""

    __tablename__ = "index_blocks"

    number: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    hash: bytes = Field(sa_type=Hash, unique=True)
    parent: bytes = Field(sa_type=Hash)
    time: int = Field(sa_type=Integer64, index=True)


class EntryRow(Table, table=True):
    """An event. `args` is what the journal folds, `abi.encode` of all arguments; `position` is the event's in
    the journal of its contract, from 1, NULL where the contract keeps none."""

    __tablename__ = "index_entries"
    __table_args__ = (
        PrimaryKeyConstraint("block_number", "log_index"),
        UniqueConstraint(
            "chain_id", "block_hash", "transaction_hash", "log_index", "emitter", name="identity"
        ),
        Index(None, "event", "block_number", "log_index"),
        Index(None, "listing", "block_number", "log_index"),
    )

    block_number: int = Field(sa_type=Integer64)
    log_index: int = Field(sa_type=Integer64)
    chain_id: int = Field(sa_type=Integer64)
    block_hash: bytes = Field(sa_type=Hash)
    transaction_hash: bytes = Field(sa_type=Hash)
    transaction_index: int = Field(sa_type=Integer64)
    emitter: bytes = Field(sa_type=Address)
    contract: str = Field(sa_type=String(32))
    event: str = Field(sa_type=String(64))
    topic0: bytes = Field(sa_type=Hash)
    args: bytes = Field(sa_type=LargeBinary)
    listing: int | None = Field(sa_type=Integer64)
    licence: int | None = Field(sa_type=Uint256, index=True)
    position: int | None = Field(sa_type=Integer64)


class MentionRow(Table, table=True):
    """An account (12 zero bytes in front) or a payment reference that an event names: what entries are
    found by."""

    __tablename__ = "index_mentions"
    __table_args__ = (PrimaryKeyConstraint("word", "block_number", "log_index"),)

    word: bytes = Field(sa_type=Hash)
    block_number: int = Field(sa_type=Integer64, index=True)
    log_index: int = Field(sa_type=Integer64)


class UndoRow(Table, table=True):
    """A row as it was before a block that is not final: `before` is NULL when there was none."""

    __tablename__ = "index_undo"
    __table_args__ = (PrimaryKeyConstraint("block_number", "ordinal"),)

    block_number: int = Field(sa_type=Integer64)
    ordinal: int = Field(sa_type=Integer64)
    table: str = Field(sa_type=String(32))
    key: str = Field(sa_type=Text)
    before: str | None = Field(sa_type=Text)


# What it made of the market


class ContractRow(Table, table=True):
    """`length` events fold to `head`."""

    __tablename__ = "index_contracts"

    contract: str = Field(primary_key=True, sa_type=String(32))
    length: int | None = Field(sa_type=Integer64)
    head: bytes | None = Field(sa_type=Hash)
    authority: bytes | None = Field(sa_type=Address)


class ExchangeRow(Table, table=True):
    """One row: what is set for the whole exchange, and the place and time of the newest event."""

    __tablename__ = "index_exchange"

    id: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    block_number: int | None = Field(sa_type=Integer64)
    log_index: int | None = Field(sa_type=Integer64)
    block_time: int | None = Field(sa_type=Integer64)
    pack_address: bytes | None = Field(sa_type=Address)
    pack_version: int | None = Field(sa_type=Integer64)
    fee_bps: int | None = Field(sa_type=Integer64)
    tax_bps: int | None = Field(sa_type=Integer64)
    confirm_window: int | None = Field(sa_type=Integer64)
    arbitration_window: int | None = Field(sa_type=Integer64)
    halted: bool | None
    treasury: bytes | None = Field(sa_type=Address)
    tax_authority: bytes | None = Field(sa_type=Address)


class ParticipantRow(Table, table=True):
    __tablename__ = "index_participants"

    account: bytes = Field(primary_key=True, sa_type=Address)
    roles: int | None = Field(sa_type=Integer64)
    jurisdiction: bytes | None = Field(sa_type=Region)
    public_body: bool | None
    valid_until: int | None = Field(sa_type=Integer64)
    suspended_until: int | None = Field(sa_type=Integer64)
    ever_held: int | None = Field(sa_type=Integer64)
    credential: bytes | None = Field(sa_type=Hash)
    listings_held: int | None = Field(sa_type=Integer64)
    licences_held: int | None = Field(sa_type=Integer64)
    anchored: int | None = Field(sa_type=Integer64)


class ListingRow(Table, table=True):
    """`upstream`: JSON, `[[licence, share in basis points], …]`."""

    __tablename__ = "index_listings"

    listing: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    importance: int | None = Field(sa_type=Integer64, index=True)
    sharing: int | None = Field(sa_type=Integer64)
    subject: int | None = Field(sa_type=Integer64)
    personal: int | None = Field(sa_type=Integer64)
    home: bytes | None = Field(sa_type=Region)
    versions: int | None = Field(sa_type=Integer64)
    plans: int | None = Field(sa_type=Integer64)
    upstreams: int | None = Field(sa_type=Integer64)
    required: int | None = Field(sa_type=Integer64)
    epoch: int | None = Field(sa_type=Integer64)
    delisted: bool | None
    frozen_until: int | None = Field(sa_type=Integer64)
    pack: int | None = Field(sa_type=Integer64)
    imposed: bool | None
    legal_basis: bytes | None = Field(sa_type=Hash)
    upstream: str | None = Field(sa_type=Text)
    holder: bytes | None = Field(sa_type=Address, index=True)
    approved: bytes | None = Field(sa_type=Address)


class VersionRow(Table, table=True):
    __tablename__ = "index_versions"
    __table_args__ = (PrimaryKeyConstraint("listing", "number"),)

    listing: int = Field(sa_type=Integer64)
    number: int = Field(sa_type=Integer64)
    root: bytes | None = Field(sa_type=Hash)
    metadata_: bytes | None = Field(sa_type=Hash, sa_column_kwargs={"name": "metadata"})
    deposit_id: bytes | None = Field(sa_type=Hash)
    size: int | None = Field(sa_type=Uint256)
    region: bytes | None = Field(sa_type=Region)
    published_at: int | None = Field(sa_type=Integer64)
    stale_at: int | None = Field(sa_type=Integer64)
    attestations: int | None = Field(sa_type=Integer64)
    epoch: int | None = Field(sa_type=Integer64)
    withdrawn: bool | None


class ClaimRow(Table, table=True):
    """Which version a deposit became."""

    __tablename__ = "index_claims"

    deposit: bytes = Field(primary_key=True, sa_type=Hash)
    listing: int | None = Field(sa_type=Integer64)
    version: int | None = Field(sa_type=Integer64)


class AttestationRow(Table, table=True):
    """The newest of each kind, standing or not."""

    __tablename__ = "index_attestations"
    __table_args__ = (PrimaryKeyConstraint("listing", "version", "kind"),)

    listing: int = Field(sa_type=Integer64)
    version: int = Field(sa_type=Integer64)
    kind: int = Field(sa_type=Integer64)
    reviewer: bytes | None = Field(sa_type=Address)
    time: int | None = Field(sa_type=Integer64)
    evidence: bytes | None = Field(sa_type=Hash)


class TransferRow(Table, table=True):
    """An approved transfer to another jurisdiction (R07)."""

    __tablename__ = "index_transfers"
    __table_args__ = (PrimaryKeyConstraint("listing", "account"),)

    listing: int = Field(sa_type=Integer64)
    account: bytes = Field(sa_type=Address)
    until: int | None = Field(sa_type=Integer64)


class PlanRow(Table, table=True):
    __tablename__ = "index_plans"

    plan: int = Field(primary_key=True, sa_type=Uint256)
    price: int | None = Field(sa_type=Uint256)
    currency: int | None = Field(sa_type=Integer64)
    duration: int | None = Field(sa_type=Integer64)
    cap: int | None = Field(sa_type=Integer64)
    sold: int | None = Field(sa_type=Integer64)
    quota: int | None = Field(sa_type=Integer64)
    flags: int | None = Field(sa_type=Integer64)
    status: int | None = Field(sa_type=Integer64)
    only_buyer: bytes | None = Field(sa_type=Address)
    royalty_bps: int | None = Field(sa_type=Integer64)
    terms: bytes | None = Field(sa_type=Hash)


class LicenceRow(Table, table=True):
    """With the state of the order it was bought under. `listing` follows from the licence; NULL in what an
    older version wrote."""

    __tablename__ = "index_licences"

    licence: int = Field(primary_key=True, sa_type=Uint256)
    listing: int | None = Field(sa_type=Integer64)
    version: int | None = Field(sa_type=Integer64)
    issued_at: int | None = Field(sa_type=Integer64)
    expires_at: int | None = Field(sa_type=Integer64)
    used: int | None = Field(sa_type=Integer64)
    pack: int | None = Field(sa_type=Integer64)
    by_bank: bool | None
    status: int | None = Field(sa_type=Integer64)
    order: int | None = Field(sa_type=Integer64)
    fee_bps: int | None = Field(sa_type=Integer64)
    tax_bps: int | None = Field(sa_type=Integer64)
    deadline: int | None = Field(sa_type=Integer64)
    holder: bytes | None = Field(sa_type=Address, index=True)
    approved: bytes | None = Field(sa_type=Address)


class OperatorRow(Table, table=True):
    """Who may move all of an owner's tokens."""

    __tablename__ = "index_operators"
    __table_args__ = (PrimaryKeyConstraint("owner", "operator"),)

    owner: bytes = Field(sa_type=Address)
    operator: bytes = Field(sa_type=Address)
    listings: bool | None
    licences: bool | None


class OrderRow(Table, table=True):
    """A purchase or a renewal, by the place of its event."""

    __tablename__ = "index_orders"
    __table_args__ = (PrimaryKeyConstraint("block_number", "log_index"),)

    block_number: int = Field(sa_type=Integer64)
    log_index: int = Field(sa_type=Integer64)
    licence: int | None = Field(sa_type=Uint256, index=True)
    buyer: bytes | None = Field(sa_type=Address, index=True)
    version: int | None = Field(sa_type=Integer64)
    pack: int | None = Field(sa_type=Integer64)
    price: int | None = Field(sa_type=Uint256)
    currency: int | None = Field(sa_type=Integer64)
    renewal: bool | None
    time: int | None = Field(sa_type=Integer64, index=True)


class PaymentRow(Table, table=True):
    """A bank's word, by its reference, that an order is paid (R27)."""

    __tablename__ = "index_payments"

    reference: bytes = Field(primary_key=True, sa_type=Hash)
    licence: int | None = Field(sa_type=Uint256, index=True)
    provider: bytes | None = Field(sa_type=Address, index=True)
    currency: int | None = Field(sa_type=Integer64)
    amount: int | None = Field(sa_type=Uint256)
    time: int | None = Field(sa_type=Integer64)


class DisputeRow(Table, table=True):
    """`arbiter` and `decision` are zero when it ended by itself, `closed_at` while it goes on."""

    __tablename__ = "index_disputes"

    licence: int = Field(primary_key=True, sa_type=Uint256)
    buyer: bytes | None = Field(sa_type=Address)
    opened_at: int | None = Field(sa_type=Integer64)
    deadline: int | None = Field(sa_type=Integer64)
    reason: bytes | None = Field(sa_type=Hash)
    arbiter: bytes | None = Field(sa_type=Address)
    refund: int | None = Field(sa_type=Uint256)
    decision: bytes | None = Field(sa_type=Hash)
    closed_at: int | None = Field(sa_type=Integer64)


class CurrencyRow(Table, table=True):
    """`escrow`: tokens paid in and not yet owed to anybody."""

    __tablename__ = "index_currencies"

    currency: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    token: bytes | None = Field(sa_type=Address)
    active: bool | None
    escrow: int | None = Field(sa_type=Uint256)


class BalanceRow(Table, table=True):
    """What the exchange owes an account."""

    __tablename__ = "index_balances"
    __table_args__ = (PrimaryKeyConstraint("currency", "account"),)

    currency: int = Field(sa_type=Integer64)
    account: bytes = Field(sa_type=Address)
    owed: int | None = Field(sa_type=Uint256)


class AnchorRow(Table, table=True):
    """A checkpoint of a custodian's access log."""

    __tablename__ = "index_anchors"
    __table_args__ = (PrimaryKeyConstraint("custodian", "index"),)

    custodian: bytes = Field(sa_type=Address)
    index: int = Field(sa_type=Integer64)
    size: int | None = Field(sa_type=Uint256)
    time: int | None = Field(sa_type=Integer64)
    root: bytes | None = Field(sa_type=Hash)
