"""Listings and licences. Every answer says at which final block it is true."""

from typing import Annotated

from pydantic import Field

from api.schemas.values import Address, Decimal, Hash, Schema

Seconds = Annotated[int, Field(description="Unix seconds; 0 for none.")]


class AtBlock(Schema):
    block_number: int
    block_hash: Hash


class VersionInfo(Schema):
    number: int
    root: Annotated[Hash, Field(description="Merkle root of the ciphertext.")]
    metadata: Annotated[Hash, Field(description="Keccak-256 of the metadata document.")]
    deposit: Hash
    size: Annotated[int, Field(description="Ciphertext bytes.")]
    region: Annotated[str, Field(description="ISO 3166-1 alpha-2 of where the payload is stored.")]
    published_at: Seconds
    stale_at: Seconds
    attestations: Annotated[
        int, Field(description="Bits that stand: 1 legal, 2 security, 4 quality, 8 custody.")
    ]
    withdrawn: bool


class PlanInfo(Schema):
    id: Decimal
    price: Decimal
    currency: int
    duration: Annotated[int, Field(description="Seconds; 0 for no expiry.")]
    cap: int
    sold: int
    quota: Annotated[int, Field(description="Uses; 0 for unmetered.")]
    flags: Annotated[
        int,
        Field(description="1 transferable, 2 derivable, 4 updates, 8 streaming, 16 research, 32 state fee."),
    ]
    status: str
    only_buyer: Address | None
    royalty_bps: int
    terms: Hash


class ListingInfo(Schema):
    id: Decimal
    holder: Address
    home: str
    importance: str
    sharing: str
    subject: str
    personal: str
    required: Annotated[int, Field(description="Attestations that a sale and a key release need.")]
    delisted: bool
    frozen_until: Seconds
    pack: Annotated[int, Field(description="Version of the rule pack that decided the classification.")]
    versions: int
    newest: VersionInfo
    plan_count: int
    plans: Annotated[list[PlanInfo], Field(description="The newest of them.")]


class LicenceInfo(Schema):
    id: Decimal
    holder: Address
    version: int
    issued_at: Seconds
    expires_at: Annotated[Decimal, Field(description="Unix seconds; 2^40 - 1 for never.")]
    used: int
    pack: int
    by_bank: bool
    status: str
    order: str
    fee_bps: int
    tax_bps: int
    deadline: Decimal


class CatalogueItem(ListingInfo):
    """With what its newest version's metadata says; null where it says nothing, or is not held."""

    title: str | None
    description: str | None
    keywords: list[str]


class FromIndex(AtBlock):
    """The newest block in the index."""


class ListingPage(FromIndex):
    items: list[CatalogueItem]
    total: Annotated[int, Field(description="Of all pages.")]
    facets: Annotated[
        dict[str, dict[str, int]],
        Field(
            description="How many of `total` there are by importance, sharing, subject, personal, home, "
            "seller, price, right and freshness; values are those that the parameters of these names take."
        ),
    ]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


class AttestationInfo(Schema):
    version: int
    kind: Annotated[int, Field(description="1 legal, 2 security, 4 quality, 8 custody.")]
    reviewer: Address
    time: Seconds
    evidence: Hash
    stands: Annotated[bool, Field(description="Until refused, or outdated by reclassification.")]


class ShareInfo(Schema):
    """Who made a listing under a licence of another owes a share of its proceeds."""

    listing: Annotated[Decimal, Field(description="The other listing.")]
    licence: Decimal
    share_bps: int


class PricingInfo(Schema):
    plan: Decimal
    price: Decimal
    currency: int
    closed: Annotated[bool, Field(description="Whether the plan was closed then; else it was added.")]
    time: Seconds
    block_number: int


class ListingDetails(FromIndex):
    """All of a listing's page."""

    listing: CatalogueItem
    versions: Annotated[list[VersionInfo], Field(description="The newest first.")]
    plans: list[PlanInfo]
    attestations: list[AttestationInfo]
    upstream: Annotated[list[ShareInfo], Field(description="What it was made of.")]
    derived: Annotated[list[ShareInfo], Field(description="What was made of it.")]
    prices: Annotated[list[PricingInfo], Field(description="When which plan was added or closed.")]


class ListingAnswer(AtBlock):
    listing: ListingInfo


class VersionAnswer(AtBlock):
    version: VersionInfo


class LicenceAnswer(AtBlock):
    licence: LicenceInfo
