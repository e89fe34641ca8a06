"""Putting a payload into the vault."""

from typing import Annotated

from pydantic import Field

from api.schemas.values import Address, Blob, Hash, MediaType, Schema, Time


class UploadInfo(Schema):
    """Ciphertext as it arrived."""

    root: Annotated[Hash, Field(description="RFC 6962 Merkle root of the ciphertext.")]
    size: Annotated[int, Field(description="Ciphertext bytes.")]


class DepositInfo(Schema):
    """A deposit, and what its seller needs to encrypt for it."""

    id: Hash
    seller: Address
    chain_id: int
    listings: Annotated[Address, Field(description="The Listings contract.")]
    context: Annotated[
        bytes, *Blob.__metadata__, Field(description="What to encrypt under: chain id, Listings, seller, id.")
    ]
    vault_public_key: Annotated[Blob, Field(description="Seal the data key to this (HPKE).")]
    largest: Annotated[int, Field(description="Most ciphertext bytes accepted.")]
    expires_at: Annotated[Time, Field(description="Incomplete deposits are thrown away after this.")]
    upload: UploadInfo | None
    complete: bool


class Completion(Schema):
    """What the seller says has been deposited, and the key to it."""

    root: Hash
    size: Annotated[int, Field(gt=0, lt=1 << 63)]
    media_type: Annotated[MediaType, Field(description="Of the plaintext.")]
    sealed_key: Annotated[Blob, Field(description="The data key, sealed to the vault for this deposit.")]


class ReceiptInfo(Schema):
    """EIP-712 `Custody` for the Reviews contract, and the custodian's signature over it."""

    seller: Address
    root: Hash
    size: int
    deposit_id: Hash
    region: str
    deadline: Annotated[int, Field(description="Unix seconds, as signed.")]
    custodian: Address
    signature: Blob
    media_type: str
