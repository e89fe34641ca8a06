"""Who is signed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """`key` is the SHA-256 of the bearer token, `account` 20 bytes, `expires_at` Unix seconds."""

    key: bytes
    account: bytes
    expires_at: int
