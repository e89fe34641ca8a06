"""What comes of a participant's acts."""

from dataclasses import dataclass
from pathlib import Path

from ledger.chain.bindings import structs
from ledger.chain.sender import Receipt
from ledger.client.errors import ClientError
from ledger.client.payload import Sealed


class AlreadyHeld(ClientError):
    """The account holds a licence of this plan that still runs."""

    def __init__(self, plan: int, licence: int) -> None:
        super().__init__(f"you already hold licence {licence} of plan {plan}")
        self.licence = licence


@dataclass(frozen=True, slots=True)
class Published:
    """A listing that now exists, its plans, and what it holds."""

    listing: int
    plans: tuple[int, ...]
    payload: Sealed
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Bought:
    licence: int
    price: int
    fee_bps: int
    tax_bps: int
    deadline: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Fetched:
    """A payload that arrived whole, and the block at which the chain said that it may."""

    path: Path
    root: bytes
    sha256: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a payment, as the chain split it."""

    part: structs.Part
    account: str
    currency: int
    amount: int


@dataclass(frozen=True, slots=True)
class LicenceState:
    licence: structs.Licence
    plan: structs.Plan
    holder: str
    entitlement: structs.Entitlement
