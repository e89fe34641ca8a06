"""Key release."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.values import Address, Blob, Decimal, Hash, Schema

Purpose = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,63}$")]


class GrantRequest(Schema):
    public_key: Annotated[Blob, Field(description="HPKE public key to seal the data key to, suite first.")]
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
