"""Payloads on their way into the vault, and in it."""

from dataclasses import dataclass, field


class SellerIneligible(Exception):
    """The account may not sell now: no such role, expired or suspended."""


class DepositUnknown(Exception):
    """There is no such deposit, or it is somebody else's: the two look alike."""


class DepositTaken(Exception):
    """The deposit has its ciphertext, or is complete: neither is done over."""


class PayloadUnknown(Exception):
    """The vault holds no such payload."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Ciphertext that has arrived: the object that holds it, its RFC 6962 root, size and first 56 bytes.

    The object holds `size` bytes of ciphertext and then its leaf list (see `ledger.crypto.verified`).
    """

    object: str
    root: bytes
    size: int
    header: bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """What the vault holds for good: an object, its root, and the data key wrapped under custody."""

    object: str
    root: bytes
    deposit: bytes
    seller: bytes
    size: int
    media_type: str
    held_since: int
    wrapped_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A place for one payload. `id`: 32 random bytes, fixed before anything is encrypted. Unix seconds."""

    id: bytes
    seller: bytes
    opened_at: int
    expires_at: int
    upload: Upload | None = None
    payload: Payload | None = None
