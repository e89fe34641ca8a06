"""What an account means to have mined, and the transactions that it signed for it."""

from dataclasses import dataclass
from typing import Final, Literal

KEY_CHARACTERS: Final = 200
"""Of an idempotency key."""
State = Literal["pending", "mined", "final"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction; fees in wei per gas, `since_block` the head when it was signed."""

    hash: bytes
    nonce: int
    raw: bytes
    gas: int
    max_fee: int
    tip: int
    since_block: int
    signed_at: int


@dataclass(frozen=True, slots=True)
class Intent:
    """`attempts` are those that may still be mined, oldest first, never empty; the last is the one to
    broadcast. The block is None while pending."""

    id: int
    key: str
    digest: bytes
    to: bytes | None
    data: bytes
    value: int
    state: State
    nonce: int
    attempts: tuple[Signed, ...]
    mined_hash: bytes | None
    block_number: int | None
    block_hash: bytes | None
    succeeded: bool | None
    revert_data: bytes | None
