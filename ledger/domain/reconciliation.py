"""Bank payments of one day against the bank's own statement (R27): what does not agree is an exception."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPayment:
    """A provider's word on chain that an order is paid, and what became of the order. `order` is open,
    disputed, settled or refunded. `confirmed` is the sum of all such words for the licence, renewals
    included, `allocated` what its orders were split into so far; both as of the index, not of the day."""

    reference: bytes
    provider: bytes
    licence: int
    currency: int
    amount: int
    time: int
    block_number: int
    log_index: int
    order: str
    confirmed: int
    allocated: int


@dataclass(frozen=True, slots=True)
class Line:
    """Of the bank's statement. `reference`: 32 bytes, the salted hash that the provider signed."""

    reference: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class Difference:
    """`kind` is one of not-on-statement, not-on-chain, amount, twice-on-statement, split. None for what there
    is not."""

    kind: str
    reference: bytes
    on_chain: int | None
    on_statement: int | None
    licence: int | None


def splits(payments: Iterable[BankPayment]) -> list[Difference]:
    """Payments whose order is over, and was not split into what was confirmed: seen without a statement."""
    return [
        Difference("split", one.reference, one.confirmed, one.allocated, one.licence)
        for one in payments
        if one.allocated > one.confirmed
        or (one.order in ("settled", "refunded") and one.allocated != one.confirmed)
    ]


def reconcile(payments: Sequence[BankPayment], statement: Sequence[Line]) -> list[Difference]:
    """All exceptions, by reference."""
    on_chain: Mapping[bytes, BankPayment] = {one.reference: one for one in payments}
    on_statement: dict[bytes, list[int]] = defaultdict(list)
    for line in statement:
        on_statement[line.reference].append(line.amount)
    found = splits(payments)
    for reference, one in on_chain.items():
        amounts = on_statement.get(reference)
        if amounts is None:
            found.append(Difference("not-on-statement", reference, one.amount, None, one.licence))
        elif one.amount not in amounts:
            found.append(Difference("amount", reference, one.amount, amounts[0], one.licence))
    for reference, amounts in on_statement.items():
        known = on_chain.get(reference)
        licence = None if known is None else known.licence
        if known is None:
            found.append(Difference("not-on-chain", reference, None, amounts[0], None))
        if len(amounts) > 1:
            amount = None if known is None else known.amount
            found.append(Difference("twice-on-statement", reference, amount, sum(amounts), licence))
    return sorted(found, key=lambda one: (one.reference, one.kind))
