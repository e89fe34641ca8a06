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


class ListingPage(AtBlock):
    items: list[ListingInfo]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


class ListingAnswer(AtBlock):
    listing: ListingInfo


class VersionAnswer(AtBlock):
    version: VersionInfo


class LicenceAnswer(AtBlock):
    licence: LicenceInfo
