"""Whether every sale was decided and every payment split as the rules say (R01, R26)."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from ledger.chain.bindings import exchange, licences
from ledger.chain.bindings.structs import Part
from ledger.chain.events import Entry
from ledger.domain.ids import listing_of, plan_of
from ledger.domain.market import Kind
from ledger.indexer.audit.report import Finding
from ledger.indexer.state import NOBODY, State

BPS: Final = 10_000
REFUSED: Final = 1 << 7
REVIEWED: Final = (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY)


Money: TypeAlias = exchange.Allocated | exchange.Settled | exchange.Refunded | exchange.Renewed
Sale: TypeAlias = exchange.Purchased | exchange.Renewed | licences.VersionChanged


def decision(state: State, entry: Entry) -> Finding | None:
    """Of a licence that is minted, renewed or moved to another version, before that is replayed: what its
    decision lacks."""
    event = entry.event
    match event:
        case licences.Transfer(from_=from_) if from_ == NOBODY and event.token_id not in state.licences:
            return _finding(entry, event.token_id, "it was minted without a purchase: nothing was decided")
        case exchange.Purchased() | exchange.Renewed() | licences.VersionChanged():
            lacking = _lacking(state, event)
            return None if lacking is None else _finding(entry, event.licence, lacking)
    return None


def _lacking(state: State, event: Sale) -> str | None:
    """Under the rule pack in force, with each attestation that it asks for, and the evidence of each."""
    listing = state.listings.get(listing_of(event.licence))
    version = state.versions.get((listing_of(event.licence), event.version))
    if listing is None or version is None:
        return f"there is no version {event.version} that it could be of"
    if not event.pack or event.pack != state.rule_pack.version:
        return f"it was decided under rule pack {event.pack}, in force was {state.rule_pack.version}"
    if listing.required & REFUSED:
        return "its listing was refused"
    same = version.epoch == listing.epoch
    standing = version.attestations if same else version.attestations & Kind.CUSTODY
    missing = Kind(listing.required & ~standing)
    if missing and listing.pack == event.pack:  # another pack may ask for less
        return f"it was sold without the attestation {missing.name}"
    for kind in REVIEWED:
        held = state.attestations.get((listing_of(event.licence), event.version, kind.value))
        if standing & kind and (held is None or not any(held.evidence)):
            return f"the attestation {kind.name} has no evidence"
    return None


def splits(state: State, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Of one transaction, once it is replayed: what does not add up to the price, or to the rates."""
    by_licence: dict[int, list[Money]] = {}
    for entry in entries:
        if isinstance(event := entry.event, Money):
            by_licence.setdefault(event.licence, []).append(event)
    for number, events in by_licence.items():
        if (wrong := _wrong_split(state, number, events)) is not None:
            yield _finding(entries[0], number, wrong, "money")


def _wrong_split(state: State, number: int, events: Sequence[Money]) -> str | None:
    parts = [event for event in events if isinstance(event, exchange.Allocated)]
    renewed = sum(isinstance(event, exchange.Renewed) for event in events)
    settled = any(isinstance(event, exchange.Settled | exchange.Refunded) for event in events)
    licence, price = state.licences[number], state.plans[plan_of(number)].price
    total, due = sum(part.amount for part in parts), price * (renewed + settled)
    if total != due:
        return f"{total} was allocated of {due}"
    if renewed + settled != 1:
        return None  # several splits in one: their sum is all that can be told
    rates = (state.terms.fee_bps, state.terms.tax_bps) if renewed else (licence.fee_bps, licence.tax_bps)
    kept = total - sum(part.amount for part in parts if part.part == Part.REFUND)
    for part, bps in zip((Part.FEE, Part.TAX), rates, strict=True):
        taken = sum(found.amount for found in parts if found.part == part)
        if taken != (owed := kept * bps // BPS):
            return f"the {part.name.lower()} is {taken}, not {owed}"
    return None


def _finding(entry: Entry, licence: int, why: str, code: str = "decision") -> Finding:
    where = f"block {entry.block_number}, log {entry.id.log_index}"
    return Finding(code, f"licence {licence} ({where}): {why}")
