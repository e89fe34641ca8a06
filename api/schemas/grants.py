"""Key release."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.values import Address, Blob, Decimal, Hash, Schema, Time

Purpose = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,63}$")]


class GrantRequest(Schema):
    public_key: Annotated[Blob, Field(description="Registered HPKE public key to seal the data key to.")]
    purpose: Annotated[Purpose, Field(description="What the data is fetched for; kept on record.")]


class GrantInfo(Schema):
    """A data key for one licence, version, block and purpose: these, with the chain and the Licences
    contract, are what it was sealed for."""

    id: Annotated[Blob, Field(description="Of the record of this release.")]
    licence: Decimal
    listing: int
    version: int
    purpose: str
    chain_id: int
    licences: Annotated[Address, Field(description="The Licences contract.")]
    block_number: Annotated[int, Field(description="Where the chain said yes.")]
    block_hash: Hash
    valid_until: Annotated[Time, Field(description="How long this grant is good for.")]
    expires_at: Annotated[Decimal, Field(description="Unix second at which the licence ends.")]
    root: Annotated[Hash, Field(description="The payload to fetch, and to check what arrives against.")]
    size: Annotated[int, Field(description="Ciphertext bytes.")]
    media_type: str
    context: Annotated[Blob, Field(description="What the payload was encrypted under.")]
    sealed_key: Blob


class EntitlementInfo(Schema):
    """The chain's answer at one final block."""

    licence: Decimal
    account: Address
    denial: Annotated[str | None, Field(description="The reason's name on chain; null when entitled.")]
    block_number: int
    block_hash: Hash
    listing: int
    version: int
    plan: Decimal
    expires_at: Annotated[Decimal, Field(description="Unix second at which the licence ends.")]
    uses_left: Annotated[int, Field(description="2^32 - 1 for unmetered.")]


class ChainDecision(Schema):
    reason: Annotated[str | None, Field(description="Why the chain denied it; null when it did not.")]
    listing: int
    version: int
    block_number: int
    block_hash: Hash


class GrantRecord(Schema):
    """An answer to a question for a key."""

    id: Blob
    at: Time
    licence: Decimal
    purpose: str
    public_key: Blob
    denial: Annotated[str | None, Field(description="Code of the refusal; null when the key was released.")]
    rule: Annotated[str, Field(description="What it was decided by: version, `chain` or `vault`, name.")]
    decision: Annotated[ChainDecision | None, Field(description="Null when the chain could not be asked.")]
    valid_until: Annotated[Time | None, Field(description="How long the grant is good for.")]


class GrantList(Schema):
    grants: list[GrantRecord]
    next: Annotated[str | None, Field(description="`cursor` of the next page.")]
