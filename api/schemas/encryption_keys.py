"""Registered encryption keys."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.values import Blob, Schema, Time

SuiteName = Literal["X25519", "MLKEM768_X25519"]
Number = Annotated[int, Field(ge=0, lt=2**53)]


class Registration(Schema):
    """EIP-712: domain `Socai Keys`, version 1, for the Licences contract; type `EncryptionKey(address
    account,bytes publicKey,uint64 sequence,uint64 deadline)`, the account being the one signed in."""

    public_key: Annotated[Blob, Field(description="HPKE public key, suite first.")]
    sequence: Annotated[Number, Field(description="Higher than any of this suite before.")]
    deadline: Annotated[Number, Field(description="Last Unix second to register it in.")]
    signature: Annotated[Blob, Field(description="Of the account over these, or what its contract accepts.")]


class EncryptionKeyInfo(Schema):
    suite: str
    public_key: Blob
    sequence: int
    registered_at: Time
    revoked_at: Annotated[Time | None, Field(description="Since when nothing is sealed to it any more.")]


class EncryptionKeyList(Schema):
    keys: list[EncryptionKeyInfo]
