"""One projection function per event of the contracts: what it does to the state."""

from ledger.indexer.projections import exchange, licences, listings, participants
from ledger.indexer.projections.register import IGNORED, PROJECTIONS, Impossible

__all__ = ["IGNORED", "PROJECTIONS", "Impossible", "exchange", "licences", "listings", "participants"]
