"""Erasure of payloads."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.values import Address, Blob, Hash, Schema, Time

Reason = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,63}$")]


class ErasureRequest(Schema):
    root: Annotated[Hash, Field(description="Of the payload.")]
    reason: Annotated[Reason, Field(description="A word, like `consent-withdrawn`; no personal data.")]


class ErasureInfo(Schema):
    """Once done, `signature` is the custodian's: EIP-712, domain `Socai Erasures`, version 1, for the
    Listings contract; type `Erasure(address seller,bytes32 root,bytes32 depositId,address askedBy,string
    reason,uint64 askedAt,uint64 erasedAt)`, in Unix seconds."""

    root: Hash
    deposit_id: Hash
    seller: Address
    asked_by: Annotated[Address, Field(description="The seller, or a supervisor.")]
    reason: str
    asked_at: Annotated[Time, Field(description="Since when no key is released.")]
    due_at: Annotated[Time, Field(description="72 hours later: until then it is to be done.")]
    overdue: Annotated[bool, Field(description="It was not done by then.")]
    erased_at: Annotated[Time | None, Field(description="When the keys were destroyed; null before.")]
    signature: Blob | None


class ErasureList(Schema):
    erasures: list[ErasureInfo]
