"""What is for sale and what was sold, as read at one block. Names of states are the contracts' own."""

from dataclasses import dataclass


class ListingUnknown(Exception):
    """There is no such listing, or no such version of it."""


class LicenceUnknown(Exception):
    """There is no such licence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A dataset's version. `attestations` are the bits that stand now; times in Unix seconds, 0 for none."""

    number: int
    root: bytes
    metadata: bytes
    deposit: bytes
    size: int
    region: str
    published_at: int
    stale_at: int
    attestations: int
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a seller offers. `only_buyer` is None if anybody may buy; `flags`: see `ledger.domain.market`."""

    id: int
    price: int
    currency: int
    duration: int
    cap: int
    sold: int
    quota: int
    flags: int
    status: str
    only_buyer: bytes | None
    royalty_bps: int
    terms: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A dataset, its newest version and its newest plans."""

    id: int
    holder: bytes
    home: str
    importance: str
    sharing: str
    subject: str
    personal: str
    required: int
    delisted: bool
    frozen_until: int
    pack: int
    versions: int
    newest: Version
    plan_count: int
    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence and the order it was bought under."""

    id: int
    holder: bytes
    version: int
    issued_at: int
    expires_at: int
    used: int
    pack: int
    by_bank: bool
    status: str
    order: str
    fee_bps: int
    tax_bps: int
    deadline: int
