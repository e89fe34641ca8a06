"""What an account of its own dealings sees: licences it holds, sales of its listings, money it was paid."""

from dataclasses import dataclass
from enum import StrEnum

from ledger.domain.listing import Licence


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A licence and the listing it is of. `title` is None where no metadata says it."""

    licence: Licence
    listing: int
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A purchase as it was made, by its place in the chain, and the licence as it is now."""

    licence: Licence
    buyer: bytes
    price: int
    time: int
    block_number: int
    log_index: int


class Part(StrEnum):
    """What part of a payment was owed to the account; or what it took out."""

    FEE = "fee"
    TAX = "tax"
    UPSTREAM = "upstream"
    SELLER = "seller"
    REFUND = "refund"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that came to be owed to the account, or that it withdrew (no `licence` then). `by_bank`: the
    payment provider owes it, not the exchange."""

    part: Part
    licence: int | None
    currency: int
    amount: int
    by_bank: bool
    time: int
    block_number: int
    transaction: bytes
