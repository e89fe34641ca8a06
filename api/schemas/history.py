"""The history, for supervisors and operators. Every answer says how far the index was."""

from typing import Annotated, Any

from pydantic import Field

from api.schemas.catalogue import LicenceInfo, ListingInfo
from api.schemas.values import Address, Decimal, Hash, Schema, Time

Place = Annotated[str, Field(pattern="^[0-9]{1,18}-[0-9]{1,9}$", description="Block number and log index.")]


class AsOfIndex(Schema):
    """The newest block in the index, the newest final one, and how many blocks the node has beyond it."""

    block_number: int
    block_hash: Hash
    final_number: int
    lag_blocks: int


class EntryInfo(Schema):
    """An event. `args` has the contract's own names; numbers above 2^48 are decimal text."""

    block_number: int
    block_hash: Hash
    block_time: Time
    final: Annotated[bool, Field(description="Not to be taken back any more.")]
    transaction: Hash
    transaction_index: int
    log_index: int
    contract: str
    event: str
    position: Annotated[
        int | None, Field(description="In the contract's journal, from 1; null where it keeps none.")
    ]
    listing: int | None
    licence: Decimal | None
    args: dict[str, Any]


class EntryPage(AsOfIndex):
    items: list[EntryInfo]
    next: Annotated[Place | None, Field(description="Cursor of the next page; null on the last.")]


class AsOfBlock(Schema):
    """The block asked about, and the newest final one."""

    block_number: int
    block_hash: Hash
    final_number: int


class ListingThen(AsOfBlock):
    listing: ListingInfo


class LicenceThen(AsOfBlock):
    licence: LicenceInfo


class ParticipantInfo(Schema):
    account: Address
    roles: Annotated[
        int,
        Field(
            description="Bits: 1 seller, 2 buyer, 4 reviewer, 8 custodian, 16 payment provider, 32 arbiter, "
            "64 supervisor."
        ),
    ]
    jurisdiction: Annotated[str, Field(description="ISO 3166-1 alpha-2.")]
    public_body: bool
    valid_until: Annotated[int, Field(description="Unix seconds.")]
    suspended_until: Annotated[int, Field(description="Unix seconds; 0 for not suspended.")]
    credential: Annotated[Hash, Field(description="Salted hash of the papers.")]
    listings: Annotated[int, Field(description="Listings held.")]
    licences: Annotated[int, Field(description="Licences held.")]


class ParticipantThen(AsOfBlock):
    participant: ParticipantInfo


class SalesInfo(Schema):
    """What was sold within a period, of one sort. Classes and homes are those of now."""

    start: Time
    importance: str
    subject: str
    home: Annotated[str, Field(description="Of the listing.")]
    buyer_home: str
    currency: int
    purchases: int
    renewals: int
    value: Decimal
    lowest: Decimal
    highest: Decimal


class HeldInfo(Schema):
    """How many licences of one sort there are."""

    importance: str
    subject: str
    home: str
    status: str
    licences: int


class SummaryInfo(AsOfIndex):
    """Sales are sums over `Purchased` and `Renewed`; who has the entries can make them again."""

    sales: list[SalesInfo]
    held: list[HeldInfo]


class EntryPlace(Schema):
    block_number: int
    log_index: int


class AlertInfo(Schema):
    """What was seen, under which figures, and the trades that show it. An alert accuses nobody."""

    kind: Annotated[str, Field(description="threshold, uncounted, reciprocal, repeated or price.")]
    accounts: list[Address]
    facts: dict[str, Any]
    entries: list[EntryPlace]


class AlertList(AsOfIndex):
    table: Annotated[str, Field(description="The dated table of figures; ours, and not legal advice.")]
    alerts: list[AlertInfo]
