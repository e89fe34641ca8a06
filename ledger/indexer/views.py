"""Nouns of the market out of a state: the one that is, or the one that was at some block."""

from ledger.chain import records
from ledger.chain.abi import checksummed
from ledger.domain.history import Participant, ParticipantUnknown
from ledger.domain.listing import Licence, LicenceUnknown, Listing, ListingUnknown, Plan, Version
from ledger.domain.market import Kind
from ledger.indexer.state import State


def participant(state: State, account: bytes) -> Participant:
    """Raises ParticipantUnknown."""
    address = checksummed(f"0x{account.hex()}")
    found = state.participants.get(address)
    if found is None:
        raise ParticipantUnknown("this account was never accredited")
    return Participant(
        account=account,
        roles=found.roles,
        jurisdiction=records.region(found.jurisdiction),
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
    plans = [plan(state, one) for one in records.newest_plans(number, found)]
    newest = version(state, number, found.versions)
    return records.listing(number, found, state.listing_tokens.owners[number], newest, plans)


def version(state: State, of: int, number: int) -> Version:
    """Raises ListingUnknown."""
    found = state.versions.get((of, number))
    if found is None:
        raise ListingUnknown(f"there is no version {number} of listing {of}")
    stands = found.epoch == state.listings[of].epoch
    standing = found.attestations if stands else found.attestations & Kind.CUSTODY.value
    return records.version(number, found, standing)


def plan(state: State, number: int) -> Plan:
    return records.plan(number, state.plans[number])


def licence(state: State, number: int) -> Licence:
    """Raises LicenceUnknown."""
    found = state.licences.get(number)
    if found is None:
        raise LicenceUnknown(f"there is no licence {number}")
    return records.licence(number, found, state.licence_tokens.owners[number])
