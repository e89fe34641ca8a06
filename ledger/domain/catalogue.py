"""The catalogue as it is searched."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.domain.dcat import Described
from ledger.domain.listing import Listing, Plan, Version

PRICES = ("free", "fixed", "subscription", "metered", "negotiated", "state-fee")
"""What a plan's price is like: nothing; once; for a time; for a number of uses; one buyer's; a state fee."""
RIGHTS = {"transferable": 1, "derivable": 2, "updates": 4, "streaming": 8, "research": 16}
"""What a plan may grant, as bits of its flags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What listings must meet; None for anything. `words` are folded, each the beginning of a word in the
    newest version's metadata. Classes by the contracts' numbers; `price` and `right` of a plan not closed.
    `awaiting`: the newest version is not withdrawn, and lacks a reviewer's attestation that a sale needs."""

    words: tuple[str, ...] = ()
    importance: int | None = None
    sharing: int | None = None
    subject: int | None = None
    personal: int | None = None
    home: str | None = None
    seller: bytes | None = None
    price: str | None = None
    right: str | None = None
    fresh: bool | None = None
    awaiting: bool = False
    delisted: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """A listing and how its newest version is described."""

    listing: Listing
    described: Described


@dataclass(frozen=True, slots=True)
class Found:
    """A page, how many there are in all, and how many of each sort: by facet, then by value."""

    items: list[Offered]
    total: int
    facets: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Attested:
    """The newest attestation of a kind; `stands` until refused or outdated by reclassification."""

    version: int
    kind: int
    reviewer: bytes
    time: int
    evidence: bytes
    stands: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a derived listing's proceeds, for the holder of the licence it was made under."""

    listing: int
    licence: int
    share_bps: int


@dataclass(frozen=True, slots=True)
class Pricing:
    """A plan was added or closed: the history of prices, which are never edited."""

    plan: int
    price: int
    currency: int
    closed: bool
    time: int
    block_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """All of a listing's page. `upstream` is what it was made of, `derived` what was made of it."""

    offered: Offered
    versions: list[Version]
    plans: list[Plan]
    attestations: list[Attested]
    upstream: list[Share]
    derived: list[Share]
    prices: list[Pricing]
