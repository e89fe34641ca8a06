"""The key that an account wants data keys sealed to, and its signature that says so."""

from dataclasses import dataclass
from typing import Final

from ledger.domain.typed_data import Struct

REGISTRATION: Final = Struct(
    "Socai Keys",
    "EncryptionKey",
    {"account": "address", "publicKey": "bytes", "sequence": "uint64", "deadline": "uint64"},
)
"""Signed for the Licences contract."""


class KeyUnregistered(Exception):
    """The account has not registered this key, or revoked or replaced it."""


class RegistrationStale(Exception):
    """The account registered a key with this sequence number or a higher one before, or the deadline is
    over."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """`public_key` starts with its suite (`ledger.crypto.seal`). Of an account's keys of one suite the one
    with the highest `sequence` counts, so no signature can be used twice. `deadline` is the last Unix second
    to register it in."""

    account: bytes
    public_key: bytes
    sequence: int
    deadline: int

    def values(self) -> dict[str, object]:
        """What is signed, as `REGISTRATION` names it."""
        return {
            "account": self.account,
            "publicKey": self.public_key,
            "sequence": self.sequence,
            "deadline": self.deadline,
        }

    def digest(self, chain_id: int, licences: bytes) -> bytes:
        """The 32 bytes that the account signs; `licences`: address of the contract."""
        return REGISTRATION.digest(chain_id, licences, self.values())


@dataclass(frozen=True, slots=True)
class Registered:
    """A key on record, with the signature that put it there. `revoked_at` is None while it counts."""

    key: EncryptionKey
    signature: bytes
    registered_at: int
    revoked_at: int | None = None
