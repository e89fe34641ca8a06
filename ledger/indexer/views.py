"""Nouns of the market out of a state: the one that is, or the one that was at some block."""

from enum import IntEnum
from typing import Final

from ledger.chain.abi import checksummed
from ledger.domain.history import Participant, ParticipantUnknown
from ledger.domain.ids import plan_id
from ledger.domain.listing import Licence, LicenceUnknown, Listing, ListingUnknown, Plan, Version
from ledger.domain.market import Kind
from ledger.indexer.state import NOBODY, State

PLANS: Final = 32
"""Most plans given with a listing, the newest."""


def participant(state: State, account: bytes) -> Participant:
    """Raises ParticipantUnknown."""
    address = checksummed(f"0x{account.hex()}")
    found = state.participants.get(address)
    if found is None:
        raise ParticipantUnknown("this account was never accredited")
    return Participant(
        account=account,
        roles=found.roles,
        jurisdiction=_region(found.jurisdiction),
        public_body=found.public_body,
        valid_until=found.valid_until,
        suspended_until=found.suspended_until,
        credential=state.credentials.get(address, bytes(32)),
        listings=state.listing_tokens.balances.get(address, 0),
        licences=state.licence_tokens.balances.get(address, 0),
    )


def listing(state: State, number: int) -> Listing:
    """With its newest version and its newest plans. Raises ListingUnknown."""
    found = state.listings.get(number)
    if found is None:
        raise ListingUnknown(f"there is no listing {number}")
    plans = range(max(found.plans - PLANS, 0), found.plans)
    return Listing(
        id=number,
        holder=_bytes(state.listing_tokens.owners[number]),
        home=_region(found.home),
        importance=name(found.class_.importance),
        sharing=name(found.class_.sharing),
        subject=name(found.class_.subject),
        personal=name(found.class_.personal),
        required=found.required,
        delisted=found.delisted,
        frozen_until=found.frozen_until,
        pack=found.pack,
        versions=found.versions,
        newest=version(state, number, found.versions),
        plan_count=found.plans,
        plans=tuple(plan(state, plan_id(number, index)) for index in plans),
    )


def version(state: State, of: int, number: int) -> Version:
    """Raises ListingUnknown."""
    found = state.versions.get((of, number))
    if found is None:
        raise ListingUnknown(f"there is no version {number} of listing {of}")
    stands = found.epoch == state.listings[of].epoch
    return Version(
        number=number,
        root=found.root,
        metadata=found.metadata,
        deposit=found.deposit_id,
        size=found.size,
        region=_region(found.region),
        published_at=found.published_at,
        stale_at=found.stale_at,
        attestations=found.attestations if stands else found.attestations & Kind.CUSTODY.value,
        withdrawn=found.withdrawn,
    )


def plan(state: State, number: int) -> Plan:
    found = state.plans[number]
    return Plan(
        id=number,
        price=found.price,
        currency=found.currency,
        duration=found.duration,
        cap=found.cap,
        sold=found.sold,
        quota=found.quota,
        flags=found.flags,
        status=name(found.status),
        only_buyer=None if found.only_buyer == NOBODY else _bytes(found.only_buyer),
        royalty_bps=found.royalty_bps,
        terms=found.terms,
    )


def licence(state: State, number: int) -> Licence:
    """Raises LicenceUnknown."""
    found = state.licences.get(number)
    if found is None:
        raise LicenceUnknown(f"there is no licence {number}")
    return Licence(
        id=number,
        holder=_bytes(state.licence_tokens.owners[number]),
        version=found.version,
        issued_at=found.issued_at,
        expires_at=found.expires_at,
        used=found.used,
        pack=found.pack,
        by_bank=found.by_bank,
        status=name(found.status),
        order=name(found.order),
        fee_bps=found.fee_bps,
        tax_bps=found.tax_bps,
        deadline=found.deadline,
    )


def name(state: IntEnum) -> str:
    """As the contract spells it."""
    return state.name.title().replace("_", "")


def _region(code: bytes) -> str:
    return code.decode("ascii", "replace").rstrip("\0")


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])
