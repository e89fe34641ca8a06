"""The whole market as values: what the events of the contracts, and nothing else, make of it.

A state is tables from keys to frozen rows, most of them the contracts' own structs. A row is replaced, never
changed in place, and no key is ever taken away: an absent one reads as the zero that the contracts' storage
holds. So whoever replays into tables that note what is written (an index, an undo record) misses nothing.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Final

import msgspec

from ledger.chain.bindings.structs import (
    Attestation,
    Checkpoint,
    Licence,
    Listing,
    Money,
    Participant,
    Plan,
    Terms,
    Upstream,
    Version,
)
from ledger.proofs.journal import EMPTY

NOBODY: Final = "0x0000000000000000000000000000000000000000"
UNKNOWN: Final = Participant(
    roles=0, jurisdiction=bytes(2), public_body=False, valid_until=0, suspended_until=0
)
"""An account never accredited."""
NO_TERMS: Final = Terms(fee_bps=0, tax_bps=0, confirm_window=0, arbitration_window=0, halted=False)
"""Before an Exchange's constructor set any."""


class Journal(msgspec.Struct, frozen=True, gc=False):
    """Of one contract: how many events it emitted, and the head they fold to."""

    length: int = 0
    head: bytes = EMPTY


class Pack(msgspec.Struct, frozen=True, gc=False):
    """The rule pack in force."""

    address: str = NOBODY
    version: int = 0


NO_PACK: Final = Pack()


class Order(msgspec.Struct, frozen=True, gc=False):
    """A purchase or a renewal."""

    licence: int
    buyer: str
    version: int
    pack: int
    price: int
    currency: int
    renewal: bool
    time: int


class Payment(msgspec.Struct, frozen=True, gc=False):
    """A bank's word that an order is paid."""

    licence: int
    provider: str
    currency: int
    amount: int
    time: int


class Dispute(msgspec.Struct, frozen=True, gc=False):
    """`arbiter`, `refund` and `decision` stay zero when nobody decided, `closed_at` while it goes on."""

    buyer: str
    opened_at: int
    deadline: int
    reason: bytes
    arbiter: str = NOBODY
    refund: int = 0
    decision: bytes = bytes(32)
    closed_at: int = 0


@dataclass(slots=True)
class Tokens:
    """An ERC-721 register."""

    owners: dict[int, str] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    approved: dict[int, str] = field(default_factory=dict)
    operators: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By owner and operator."""


@dataclass(slots=True)
class State:
    """Accounts are EIP-55 addresses, contracts their names in the manifest, ids as in `ledger.domain.ids`."""

    place: tuple[int, int] = (-1, -1)
    """Block number and log index of the last entry."""
    block_time: int = 0
    journals: dict[str, Journal] = field(default_factory=dict)
    """By contract; those without a journal are absent."""
    authorities: dict[str, str] = field(default_factory=dict)
    """AccessManager by contract."""

    participants: dict[str, Participant] = field(default_factory=dict)
    ever_held: dict[str, int] = field(default_factory=dict)
    """Every role an account was ever given."""
    credentials: dict[str, bytes] = field(default_factory=dict)

    rule_pack: Pack = NO_PACK
    listings: dict[int, Listing] = field(default_factory=dict)
    listing_tokens: Tokens = field(default_factory=Tokens)
    legal_bases: dict[int, bytes] = field(default_factory=dict)
    upstreams: dict[int, tuple[Upstream, ...]] = field(default_factory=dict)
    versions: dict[tuple[int, int], Version] = field(default_factory=dict)
    """By listing and number."""
    deposits: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """The version that claims a deposit."""
    plans: dict[int, Plan] = field(default_factory=dict)
    transfer_approvals: dict[tuple[int, str], int] = field(default_factory=dict)
    """Until when, by listing and account."""
    attestations: dict[tuple[int, int, int], Attestation] = field(default_factory=dict)
    """The latest of a listing, version and kind, standing or not."""

    licences: dict[int, Licence] = field(default_factory=dict)
    licence_tokens: Tokens = field(default_factory=Tokens)

    terms: Terms = NO_TERMS
    treasury: str = NOBODY
    tax_authority: str = NOBODY
    currencies: dict[int, Money] = field(default_factory=dict)
    orders: dict[tuple[int, int], Order] = field(default_factory=dict)
    """By block number and log index of the event that placed it."""
    disputes: dict[int, Dispute] = field(default_factory=dict)
    """By licence."""
    payments: dict[bytes, Payment] = field(default_factory=dict)
    """By reference."""
    escrow: dict[int, int] = field(default_factory=dict)
    """By currency: tokens paid in and not yet owed to anybody."""
    owed: dict[tuple[int, str], int] = field(default_factory=dict)
    """By currency and account."""

    checkpoints: dict[tuple[str, int], Checkpoint] = field(default_factory=dict)
    """Of the access logs, by custodian and index."""
    anchored: dict[str, int] = field(default_factory=dict)
    """How many checkpoints each custodian's log has."""

    def copy(self) -> "State":
        """Another with tables of its own, which hold the same rows."""
        return State(*(_copied(getattr(self, one.name)) for one in fields(self)))

    def log(self, custodian: str) -> list[Checkpoint]:
        """The checkpoints of one custodian's access log."""
        return [self.checkpoints[custodian, index] for index in range(self.anchored.get(custodian, 0))]

    def liabilities(self, currency: int) -> int:
        """What the Exchange must hold of a currency's token: escrow and all that is owed."""
        return self.escrow.get(currency, 0) + sum(
            amount for (owed_in, _), amount in self.owed.items() if owed_in == currency
        )


def _copied(part: Any) -> Any:
    if isinstance(part, Tokens):
        return Tokens(*(dict(getattr(part, one.name)) for one in fields(part)))
    return dict(part) if isinstance(part, dict) else part
