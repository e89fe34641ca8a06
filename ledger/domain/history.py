"""The history as it is searched: what is asked, by whom, and what is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class NotOverseer(Exception):
    """The history is searched by supervisors and operators."""


class BlockUnknown(Exception):
    """The index holds no final block of this number."""


class ParticipantUnknown(Exception):
    """The account was never accredited."""


class ExportTooLarge(Exception):
    """The blocks hold more entries than one export may."""


class FormatUnavailable(Exception):
    """The service cannot write this format; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What entries must meet; None for anything. Times in Unix seconds, blocks and times inclusive.

    A class is that of the listing as it is now, by the contracts' numbers. `jurisdiction` is the home of
    the listing, or of a participant that the entry names. `account` is 20 bytes, `reference` a payment's 32;
    `holder` is who holds the listing now.
    """

    account: bytes | None = None
    holder: bytes | None = None
    reference: bytes | None = None
    listing: int | None = None
    licence: int | None = None
    importance: int | None = None
    sharing: int | None = None
    subject: int | None = None
    jurisdiction: str | None = None
    contract: str | None = None
    event: str | None = None
    since: int | None = None
    until: int | None = None
    first_block: int | None = None
    last_block: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An event as the index holds it. `position` counts from 1 in the journal of the contract, None where it
    keeps none; `data` is what the journal folds after `topic0`; `arguments` say the same, readably."""

    block_number: int
    block_hash: bytes
    block_time: int
    log_index: int
    transaction: bytes
    transaction_index: int
    contract: str
    event: str
    topic0: bytes
    data: bytes
    position: int | None
    listing: int | None
    licence: int | None
    arguments: Mapping[str, Any]

    @property
    def place(self) -> tuple[int, int]:
        return self.block_number, self.log_index


@dataclass(frozen=True, slots=True)
class AsOf:
    """How far the index was when it was read: blocks above `final` may still be taken back."""

    number: int
    hash: bytes
    final: int


@dataclass(frozen=True, slots=True)
class LiveBlock:
    """A final block, and which listings its entries are about; `time` in Unix seconds."""

    number: int
    hash: bytes
    time: int
    listings: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """An account as the chain knows it. `roles` are bits, see `ledger.domain.market.Role`."""

    account: bytes
    roles: int
    jurisdiction: str
    public_body: bool
    valid_until: int
    suspended_until: int
    credential: bytes
    listings: int
    licences: int


@dataclass(frozen=True, slots=True)
class Inquiry:
    """That an overseer looked: `view` and `parameters` say at what (R34). `id`: 16 random bytes."""

    id: bytes
    at: int
    account: bytes
    role: str
    view: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A purchase or a renewal, at the place of its entry."""

    block_number: int
    log_index: int
    licence: int
    buyer: bytes
    version: int
    price: int
    currency: int
    renewal: bool
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """What was sold within one period, of one sort: classes of the listing and homes of listing and buyer, as
    they are now. `value`, `lowest`, `highest` in units of the currency; `start` in Unix seconds."""

    start: int
    importance: str
    subject: str
    home: str
    buyer_home: str
    currency: int
    purchases: int
    renewals: int
    value: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many licences of one sort there are, by the status that they have now."""

    importance: str
    subject: str
    home: str
    status: str
    licences: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures that anybody can recompute from the entries (R10)."""

    sales: list[Sales]
    held: list[Held]
