"""Licences, and the two ERC-721 registers."""

from msgspec.structs import replace

from ledger.chain.bindings import licences, listings
from ledger.chain.bindings.structs import LicenceStatus, OrderStatus
from ledger.indexer.projections.register import known, on, require
from ledger.indexer.state import NOBODY, State, Tokens


@on(licences.TokenExpiryUpdated)
def _token_expiry_updated(state: State, event: licences.TokenExpiryUpdated) -> None:
    licence = known(state.licences, event.token_id, "licence")
    state.licences[event.token_id] = replace(licence, issued_at=event.start_time, expires_at=event.end_time)


@on(licences.OrderChanged)
def _order_changed(state: State, event: licences.OrderChanged) -> None:
    licence = known(state.licences, event.licence, "licence")
    running = (OrderStatus.OPEN, OrderStatus.DISPUTED)
    require(licence.order in running, f"its order is {licence.order.name.lower()}")
    refunded = event.status == OrderStatus.REFUNDED
    state.licences[event.licence] = replace(
        licence,
        order=event.status,
        deadline=event.deadline,
        status=LicenceStatus.REFUNDED if refunded else licence.status,
    )


@on(licences.VersionChanged)
def _version_changed(state: State, event: licences.VersionChanged) -> None:
    licence = known(state.licences, event.licence, "licence")
    require(event.version > licence.version, f"its version is {licence.version}")
    state.licences[event.licence] = replace(licence, version=event.version, pack=event.pack)


@on(licences.LicenceRevoked)
def _licence_revoked(state: State, event: licences.LicenceRevoked) -> None:
    licence = known(state.licences, event.licence, "licence")
    require(licence.status == LicenceStatus.ACTIVE, f"it is {licence.status.name.lower()}")
    state.licences[event.licence] = replace(licence, status=LicenceStatus.REVOKED)


@on(licences.LicenceReinstated)
def _licence_reinstated(state: State, event: licences.LicenceReinstated) -> None:
    licence = known(state.licences, event.licence, "licence")
    require(licence.status == LicenceStatus.REVOKED, f"it is {licence.status.name.lower()}")
    state.licences[event.licence] = replace(licence, status=LicenceStatus.ACTIVE)


@on(licences.UsesCounted)
def _uses_counted(state: State, event: licences.UsesCounted) -> None:
    licence = known(state.licences, event.licence, "licence")
    total = licence.used + event.uses
    require(event.total == total, f"they are {total} in all")
    state.licences[event.licence] = replace(licence, used=total)


# The two ERC-721 registers


@on(listings.Transfer)
def _listing_transfer(state: State, event: listings.Transfer) -> None:
    _transfer(state.listing_tokens, event)


@on(licences.Transfer)
def _licence_transfer(state: State, event: licences.Transfer) -> None:
    known(state.licences, event.token_id, "licence")
    _transfer(state.licence_tokens, event)


def _transfer(tokens: Tokens, event: listings.Transfer | licences.Transfer) -> None:
    owner = tokens.owners.get(event.token_id, NOBODY)
    require(event.from_ == owner, f"its owner is {owner}")
    if event.from_ != NOBODY:
        tokens.balances[event.from_] -= 1
        tokens.approved[event.token_id] = NOBODY
    if event.to != NOBODY:
        tokens.balances[event.to] = tokens.balances.get(event.to, 0) + 1
    tokens.owners[event.token_id] = event.to


@on(listings.Approval)
def _listing_approval(state: State, event: listings.Approval) -> None:
    _approval(state.listing_tokens, event)


@on(licences.Approval)
def _licence_approval(state: State, event: licences.Approval) -> None:
    _approval(state.licence_tokens, event)


def _approval(tokens: Tokens, event: listings.Approval | licences.Approval) -> None:
    require(tokens.owners.get(event.token_id) == event.owner, "it is not its owner's")
    tokens.approved[event.token_id] = event.approved


@on(listings.ApprovalForAll)
def _listing_approval_for_all(state: State, event: listings.ApprovalForAll) -> None:
    state.listing_tokens.operators[event.owner, event.operator] = event.approved


@on(licences.ApprovalForAll)
def _licence_approval_for_all(state: State, event: licences.ApprovalForAll) -> None:
    state.licence_tokens.operators[event.owner, event.operator] = event.approved
