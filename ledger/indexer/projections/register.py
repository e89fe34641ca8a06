"""What is done about each event: a projection, or nothing and why."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ledger.chain.abi import Event
from ledger.chain.bindings import access_manager, exchange, licences, listings, reviews, settlement_token
from ledger.indexer.state import State

E = TypeVar("E", bound=Event)
K = TypeVar("K")
V = TypeVar("V")
Projection = Callable[[State, Any], None]


class Impossible(Exception):
    """Raised by projections, before they write anything."""


_PROJECTIONS: dict[type[Event], Projection] = {}

PROJECTIONS: Final[Mapping[type[Event], Projection]] = MappingProxyType(_PROJECTIONS)
"""What each event does to the state."""

_REREAD: Final = "only tells readers to look again"
_NEVER: Final = "declared by a standard, never emitted"
_UNJOURNALLED: Final = "of a contract without a journal: not part of the record"

IGNORED: Final[Mapping[type[Event], str]] = MappingProxyType(
    {
        listings.MetadataUpdate: _REREAD,
        licences.MetadataUpdate: _REREAD,
        listings.BatchMetadataUpdate: _NEVER,
        licences.BatchMetadataUpdate: _NEVER,
        exchange.EIP712DomainChanged: _NEVER,
        reviews.EIP712DomainChanged: _NEVER,
        settlement_token.EIP712DomainChanged: _NEVER,
        settlement_token.Transfer: _UNJOURNALLED,
        settlement_token.Approval: _UNJOURNALLED,
        access_manager.OperationCanceled: _UNJOURNALLED,
        access_manager.OperationExecuted: _UNJOURNALLED,
        access_manager.OperationScheduled: _UNJOURNALLED,
        access_manager.RoleAdminChanged: _UNJOURNALLED,
        access_manager.RoleGrantDelayChanged: _UNJOURNALLED,
        access_manager.RoleGranted: _UNJOURNALLED,
        access_manager.RoleGuardianChanged: _UNJOURNALLED,
        access_manager.RoleLabel: _UNJOURNALLED,
        access_manager.RoleRevoked: _UNJOURNALLED,
        access_manager.TargetAdminDelayUpdated: _UNJOURNALLED,
        access_manager.TargetClosed: _UNJOURNALLED,
        access_manager.TargetFunctionRoleUpdated: _UNJOURNALLED,
    }
)
"""Events without state of their own, each with the reason. The journal folds them all the same."""


def on(kind: type[E]) -> Callable[[Callable[[State, E], None]], Callable[[State, E], None]]:
    def register(projection: Callable[[State, E], None]) -> Callable[[State, E], None]:
        if kind in _PROJECTIONS or kind in IGNORED:
            raise TypeError(f"{kind.abi_name} has a projection already")
        _PROJECTIONS[kind] = projection
        return projection

    return register


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Impossible(otherwise)


def known(table: Mapping[K, V], key: K, noun: str) -> V:
    row = table.get(key)
    if row is None:
        raise Impossible(f"{noun} {key} is unknown")
    return row
