"""The contracts of one exchange, by the manifest."""

from dataclasses import dataclass
from typing import Self

from ledger.chain import bindings
from ledger.chain.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Contracts:
    participants: bindings.Participants
    listings: bindings.Listings
    reviews: bindings.Reviews
    licences: bindings.Licences
    exchange: bindings.Exchange
    token: bindings.SettlementToken

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        at = {name: deployed.address for name, deployed in manifest.contracts.items()}
        return cls(
            bindings.Participants(at["Participants"]),
            bindings.Listings(at["Listings"]),
            bindings.Reviews(at["Reviews"]),
            bindings.Licences(at["Licences"]),
            bindings.Exchange(at["Exchange"]),
            bindings.SettlementToken(at["SettlementToken"]),
        )
