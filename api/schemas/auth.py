"""Signing in."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.values import Address, Blob, Schema, Time
from ledger.domain.siwe import MAX_LENGTH


class Challenge(Schema):
    """What an EIP-4361 message must say to be accepted. Times are this server's: copy them."""

    domain: str
    uri: str
    version: Literal["1"] = "1"
    chain_id: int
    nonce: str
    issued_at: Time
    expiration_time: Time


class SignedMessage(Schema):
    message: Annotated[str, Field(max_length=MAX_LENGTH, description="The EIP-4361 message, as signed.")]
    signature: Annotated[
        Blob, Field(description="65 bytes (ERC-191), or what the contract account takes (ERC-1271).")
    ]


class SessionInfo(Schema):
    account: Address
    expires_at: Time


class OpenedSession(SessionInfo):
    token: Annotated[str, Field(description="Bearer token; shown this once.")]
