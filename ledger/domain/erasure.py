"""Payloads whose keys are destroyed: request, clock, and the custodian's signed word that it is done."""

from dataclasses import dataclass
from typing import Final

from ledger.domain.signature import BadSignature, recover
from ledger.domain.typed_data import Struct

ERASURE: Final = Struct(
    "Socai Erasures",
    "Erasure",
    {
        "seller": "address",
        "root": "bytes32",
        "depositId": "bytes32",
        "askedBy": "address",
        "reason": "string",
        "askedAt": "uint64",
        "erasedAt": "uint64",
    },
)
"""Signed for the Listings contract, which the payload is bound to."""

CLOCK_SECONDS: Final = 72 * 3600
"""How long after it was asked for an erasure is to be done."""


class PayloadWithdrawn(Exception):
    """The payload's erasure is asked for or done: no key is released."""


class ErasureUnknown(Exception):
    """Nobody asked for the erasure of this payload."""


class ErasureDone(Exception):
    """The keys are destroyed: that is not taken back."""


class NotSeller(Exception):
    """The payload, or the request, is somebody else's."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request, and once `erased_at` is set, that it is done, signed by the custodian. Unix seconds.

    `reason` is a word of the requester's, with no personal data in it: the seller's, or the `supervisor`'s
    when one asked.
    """

    deposit: bytes
    root: bytes
    seller: bytes
    reason: str
    asked_at: int
    erased_at: int | None = None
    signature: bytes | None = None
    supervisor: bytes | None = None

    @property
    def asked_by(self) -> bytes:
        return self.supervisor or self.seller

    @property
    def due_at(self) -> int:
        return self.asked_at + CLOCK_SECONDS

    def overdue(self, now: int) -> bool:
        """Whether it is, or was, done too late."""
        return (now if self.erased_at is None else self.erased_at) > self.due_at

    def digest(self, chain_id: int, listings: bytes) -> bytes:
        """The 32 bytes that the custodian signs once it is done; `listings`: address of the contract."""
        values = {
            "seller": self.seller,
            "root": self.root,
            "depositId": self.deposit,
            "askedBy": self.asked_by,
            "reason": self.reason.encode(),
            "askedAt": self.asked_at,
            "erasedAt": self.erased_at,
        }
        return ERASURE.digest(chain_id, listings, values)


def verify(erasure: Erasure, chain_id: int, listings: bytes, custodian: bytes) -> None:
    """Raises BadSignature unless `custodian` (20 bytes) signed that this was erased."""
    if erasure.erased_at is None or erasure.signature is None:
        raise BadSignature("the erasure is not done, so nobody signed that it is")
    if recover(erasure.digest(chain_id, listings), erasure.signature) != custodian:
        raise BadSignature("the record is not signed by this custodian")
