"""Events in, state out: one projection function per event of the contracts.

    state = replay((entry, block_time) …)

The index in SQL is this replay over tables in SQL (`ledger.indexer.mirror`): there are no other rules.

No contract is asked anything. An order of events that the contracts cannot have emitted raises, so what comes
out is a state that they can have been in; that no event is missing, only `state.journals` against the
contracts' `journalHead` shows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ledger.chain.abi import Event
from ledger.chain.bindings import (
    CONTRACTS,
    access_manager,
    exchange,
    licences,
    listings,
    log_anchor,
    participants,
    reviews,
    settlement_token,
)
from ledger.chain.bindings.structs import (
    Attestation,
    Checkpoint,
    Licence,
    LicenceStatus,
    Listing,
    Money,
    OrderStatus,
    Participant,
    Plan,
    PlanStatus,
    Terms,
    Upstream,
    Version,
)
from ledger.domain.ids import plan_id, plan_of
from ledger.domain.market import Kind
from ledger.indexer.state import NOBODY, UNKNOWN, Dispute, Journal, Order, Pack, Payment, State, Tokens
from ledger.proofs import journal

if TYPE_CHECKING:
    from ledger.chain.events import Entry

E = TypeVar("E", bound=Event)
K = TypeVar("K")
V = TypeVar("V")
Projection = Callable[[State, Any], None]


class ReplayError(Exception):
    """The entries cannot be replayed. The state is as of the entry before this one."""

    def __init__(self, entry: "Entry", why: str) -> None:
        super().__init__(
            f"block {entry.block_number}, log {entry.id.log_index}, {entry.contract}."
            f"{entry.event.abi_name}: {why}"
        )
        self.entry = entry


class OutOfOrder(ReplayError):
    """The entry is not after the one before it."""


class UnknownEvent(ReplayError):
    """No projection handles the event and none ignores it."""


class ImpossibleEvent(ReplayError):
    """The contracts cannot have emitted it after what came before: it is invented, or others are missing."""


class _Impossible(Exception):
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

JOURNALLED: Final = frozenset(
    event
    for contract in CONTRACTS.values()
    if hasattr(contract, "journal_head")
    for event in contract.events.values()
)


def replay(entries: Iterable[tuple["Entry", int]], state: State | None = None) -> State:
    """The state after all entries, each with the time of its block; `state`, when given, is carried on.

    Raises OutOfOrder, UnknownEvent, ImpossibleEvent.
    """
    state = State() if state is None else state
    for entry, block_time in entries:
        apply(state, entry, block_time)
    return state


def apply(state: State, entry: "Entry", block_time: int) -> None:
    """Carries the state on by one entry. Raises OutOfOrder, UnknownEvent, ImpossibleEvent."""
    event, kind = entry.event, type(entry.event)
    place = (entry.block_number, entry.id.log_index)
    before = (state.place, state.block_time)
    if place <= state.place:
        raise OutOfOrder(entry, f"comes after block {state.place[0]}, log {state.place[1]}")
    same_block = place[0] == state.place[0]
    if block_time != state.block_time if same_block else block_time < state.block_time:
        raise OutOfOrder(entry, f"its time {block_time} comes after {state.block_time}")
    project = PROJECTIONS.get(kind)
    if project is None and kind not in IGNORED:
        raise UnknownEvent(entry, "no projection handles it and none ignores it")
    state.place, state.block_time = place, block_time
    try:
        if project is not None:
            project(state, event)
    except _Impossible as error:
        state.place, state.block_time = before
        raise ImpossibleEvent(entry, str(error)) from None
    if kind in JOURNALLED:
        past = state.journals.get(entry.contract, Journal())
        head = journal.fold(past.head, event.topic0, entry.args)
        state.journals[entry.contract] = Journal(past.length + 1, head)


def _on(kind: type[E]) -> Callable[[Callable[[State, E], None]], Callable[[State, E], None]]:
    def register(projection: Callable[[State, E], None]) -> Callable[[State, E], None]:
        if kind in _PROJECTIONS or kind in IGNORED:
            raise TypeError(f"{kind.abi_name} has a projection already")
        _PROJECTIONS[kind] = projection
        return projection

    return register


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Impossible(otherwise)


def _known(table: Mapping[K, V], key: K, noun: str) -> V:
    row = table.get(key)
    if row is None:
        raise _Impossible(f"{noun} {key} is unknown")
    return row


# Participants


@_on(participants.Accredited)
def _accredited(state: State, event: participants.Accredited) -> None:
    state.participants[event.account] = Participant(
        roles=event.roles,
        jurisdiction=event.jurisdiction,
        public_body=event.public_body,
        valid_until=event.valid_until,
        suspended_until=state.participants.get(event.account, UNKNOWN).suspended_until,
    )
    state.ever_held[event.account] = state.ever_held.get(event.account, 0) | event.roles
    state.credentials[event.account] = event.credential


@_on(participants.Retired)
def _retired(state: State, event: participants.Retired) -> None:
    participant = state.participants.get(event.account, UNKNOWN)
    state.participants[event.account] = replace(participant, roles=0)


@_on(participants.Suspended)
def _suspended(state: State, event: participants.Suspended) -> None:
    participant = state.participants.get(event.account, UNKNOWN)
    state.participants[event.account] = replace(participant, suspended_until=event.until)


@_on(participants.Reinstated)
def _reinstated(state: State, event: participants.Reinstated) -> None:
    participant = _known(state.participants, event.account, "participant")
    state.participants[event.account] = replace(participant, suspended_until=0)


@_on(participants.AuthorityUpdated)
def _participants_authority(state: State, event: participants.AuthorityUpdated) -> None:
    state.authorities["Participants"] = event.authority


# Listings


@_on(listings.Listed)
def _listed(state: State, event: listings.Listed) -> None:
    _require(event.listing == len(state.listings) + 1, f"the next listing is {len(state.listings) + 1}")
    _require(state.listing_tokens.owners.get(event.listing) == event.seller, "its token is not the seller's")
    state.listings[event.listing] = Listing(
        class_=event.class_,
        home=event.home,
        versions=0,
        plans=0,
        upstreams=0,
        required=event.required,
        epoch=0,
        delisted=False,
        frozen_until=0,
        pack=event.pack,
        imposed=False,
    )
    state.legal_bases[event.listing] = event.legal_basis


@_on(listings.UpstreamNamed)
def _upstream_named(state: State, event: listings.UpstreamNamed) -> None:
    listing = _known(state.listings, event.listing, "listing")
    _known(state.licences, event.licence, "licence")
    named = state.upstreams.get(event.listing, ())
    state.upstreams[event.listing] = (*named, Upstream(event.licence, event.share_bps))
    state.listings[event.listing] = replace(listing, upstreams=len(named) + 1)


@_on(listings.VersionPublished)
def _version_published(state: State, event: listings.VersionPublished) -> None:
    listing = _known(state.listings, event.listing, "listing")
    _require(event.version == listing.versions + 1, f"the next version is {listing.versions + 1}")
    _require(event.deposit_id not in state.deposits, "its deposit is another version's")
    state.versions[event.listing, event.version] = Version(
        root=event.root,
        metadata=event.metadata,
        deposit_id=event.deposit_id,
        size=event.size,
        region=event.region,
        published_at=event.published_at,
        stale_at=event.stale_at,
        attestations=Kind.CUSTODY.value,
        epoch=event.epoch,
        withdrawn=False,
    )
    state.deposits[event.deposit_id] = (event.listing, event.version)
    state.listings[event.listing] = replace(listing, versions=event.version)


@_on(listings.VersionWithdrawn)
def _version_withdrawn(state: State, event: listings.VersionWithdrawn) -> None:
    key = (event.listing, event.version)
    version = _known(state.versions, key, "version")
    _require(not version.withdrawn, "it is withdrawn already")
    state.versions[key] = replace(version, withdrawn=True)


@_on(listings.PlanAdded)
def _plan_added(state: State, event: listings.PlanAdded) -> None:
    listing = _known(state.listings, event.listing, "listing")
    _require(event.plan == plan_id(event.listing, listing.plans), f"the next plan is {listing.plans}")
    draft = event.draft
    _require(draft.currency in state.currencies, f"currency {draft.currency} is unknown")
    state.plans[event.plan] = Plan(
        price=draft.price,
        currency=draft.currency,
        duration=draft.duration,
        cap=draft.cap,
        sold=0,
        quota=draft.quota,
        flags=draft.flags,
        status=PlanStatus.OPEN if draft.only_buyer == NOBODY else PlanStatus.RESERVED,
        only_buyer=draft.only_buyer,
        royalty_bps=draft.royalty_bps,
        terms=draft.terms,
    )
    state.listings[event.listing] = replace(listing, plans=listing.plans + 1)


@_on(listings.PlanClosed)
def _plan_closed(state: State, event: listings.PlanClosed) -> None:
    plan = _known(state.plans, event.plan, "plan")
    _require(plan.status != PlanStatus.CLOSED, "it is closed already")
    state.plans[event.plan] = replace(plan, status=PlanStatus.CLOSED)


@_on(listings.Reclassified)
def _reclassified(state: State, event: listings.Reclassified) -> None:
    listing = _known(state.listings, event.listing, "listing")
    _require(event.epoch == listing.epoch + 1, f"the next epoch is {listing.epoch + 1}")
    state.listings[event.listing] = replace(
        listing,
        class_=event.class_,
        required=event.required,
        epoch=event.epoch,
        pack=event.pack,
        imposed=listing.imposed or event.by != state.listing_tokens.owners[event.listing],
    )
    state.legal_bases[event.listing] = event.legal_basis


@_on(listings.Delisted)
def _delisted(state: State, event: listings.Delisted) -> None:
    listing = _known(state.listings, event.listing, "listing")
    _require(not listing.delisted, "it is delisted already")
    state.listings[event.listing] = replace(listing, delisted=True)


@_on(listings.Frozen)
def _frozen(state: State, event: listings.Frozen) -> None:
    listing = _known(state.listings, event.listing, "listing")
    state.listings[event.listing] = replace(listing, frozen_until=event.until)


@_on(listings.Unfrozen)
def _unfrozen(state: State, event: listings.Unfrozen) -> None:
    listing = _known(state.listings, event.listing, "listing")
    state.listings[event.listing] = replace(listing, frozen_until=0)


@_on(listings.TransferApproved)
def _transfer_approved(state: State, event: listings.TransferApproved) -> None:
    _known(state.listings, event.listing, "listing")
    state.transfer_approvals[event.listing, event.account] = event.until


@_on(listings.RulePackSet)
def _rule_pack_set(state: State, event: listings.RulePackSet) -> None:
    _require(event.version > state.rule_pack.version, f"version {state.rule_pack.version} is in force")
    state.rule_pack = Pack(event.pack, event.version)


@_on(listings.AuthorityUpdated)
def _listings_authority(state: State, event: listings.AuthorityUpdated) -> None:
    state.authorities["Listings"] = event.authority


# Reviews


@_on(reviews.Attested)
def _attested(state: State, event: reviews.Attested) -> None:
    _review(state, event, stands=True)
    state.attestations[event.listing, event.version, event.kind] = Attestation(
        reviewer=event.reviewer, time=event.time, evidence=event.evidence
    )


@_on(reviews.Refused)
def _refused(state: State, event: reviews.Refused) -> None:
    _review(state, event, stands=False)


def _review(state: State, event: reviews.Attested | reviews.Refused, *, stands: bool) -> None:
    """A review of an earlier epoch no longer stands; custody does, whatever the classification."""
    key = (event.listing, event.version)
    version = _known(state.versions, key, "version")
    epoch = _known(state.listings, event.listing, "listing").epoch
    _require(event.epoch == epoch, f"the listing's epoch is {epoch}")
    standing = version.attestations if version.epoch == epoch else version.attestations & Kind.CUSTODY.value
    standing = standing | event.kind if stands else standing & ~event.kind
    state.versions[key] = replace(version, attestations=standing, epoch=epoch)


# Licences


@_on(licences.TokenExpiryUpdated)
def _token_expiry_updated(state: State, event: licences.TokenExpiryUpdated) -> None:
    licence = _known(state.licences, event.token_id, "licence")
    state.licences[event.token_id] = replace(licence, issued_at=event.start_time, expires_at=event.end_time)


@_on(licences.OrderChanged)
def _order_changed(state: State, event: licences.OrderChanged) -> None:
    licence = _known(state.licences, event.licence, "licence")
    running = (OrderStatus.OPEN, OrderStatus.DISPUTED)
    _require(licence.order in running, f"its order is {licence.order.name.lower()}")
    refunded = event.status == OrderStatus.REFUNDED
    state.licences[event.licence] = replace(
        licence,
        order=event.status,
        deadline=event.deadline,
        status=LicenceStatus.REFUNDED if refunded else licence.status,
    )


@_on(licences.VersionChanged)
def _version_changed(state: State, event: licences.VersionChanged) -> None:
    licence = _known(state.licences, event.licence, "licence")
    _require(event.version > licence.version, f"its version is {licence.version}")
    state.licences[event.licence] = replace(licence, version=event.version, pack=event.pack)


@_on(licences.LicenceRevoked)
def _licence_revoked(state: State, event: licences.LicenceRevoked) -> None:
    licence = _known(state.licences, event.licence, "licence")
    _require(licence.status == LicenceStatus.ACTIVE, f"it is {licence.status.name.lower()}")
    state.licences[event.licence] = replace(licence, status=LicenceStatus.REVOKED)


@_on(licences.LicenceReinstated)
def _licence_reinstated(state: State, event: licences.LicenceReinstated) -> None:
    licence = _known(state.licences, event.licence, "licence")
    _require(licence.status == LicenceStatus.REVOKED, f"it is {licence.status.name.lower()}")
    state.licences[event.licence] = replace(licence, status=LicenceStatus.ACTIVE)


@_on(licences.UsesCounted)
def _uses_counted(state: State, event: licences.UsesCounted) -> None:
    licence = _known(state.licences, event.licence, "licence")
    total = licence.used + event.uses
    _require(event.total == total, f"they are {total} in all")
    state.licences[event.licence] = replace(licence, used=total)


# The two ERC-721 registers


@_on(listings.Transfer)
def _listing_transfer(state: State, event: listings.Transfer) -> None:
    _transfer(state.listing_tokens, event)


@_on(licences.Transfer)
def _licence_transfer(state: State, event: licences.Transfer) -> None:
    _known(state.licences, event.token_id, "licence")
    _transfer(state.licence_tokens, event)


def _transfer(tokens: Tokens, event: listings.Transfer | licences.Transfer) -> None:
    owner = tokens.owners.get(event.token_id, NOBODY)
    _require(event.from_ == owner, f"its owner is {owner}")
    if event.from_ != NOBODY:
        tokens.balances[event.from_] -= 1
        tokens.approved[event.token_id] = NOBODY
    if event.to != NOBODY:
        tokens.balances[event.to] = tokens.balances.get(event.to, 0) + 1
    tokens.owners[event.token_id] = event.to


@_on(listings.Approval)
def _listing_approval(state: State, event: listings.Approval) -> None:
    _approval(state.listing_tokens, event)


@_on(licences.Approval)
def _licence_approval(state: State, event: licences.Approval) -> None:
    _approval(state.licence_tokens, event)


def _approval(tokens: Tokens, event: listings.Approval | licences.Approval) -> None:
    _require(tokens.owners.get(event.token_id) == event.owner, "it is not its owner's")
    tokens.approved[event.token_id] = event.approved


@_on(listings.ApprovalForAll)
def _listing_approval_for_all(state: State, event: listings.ApprovalForAll) -> None:
    state.listing_tokens.operators[event.owner, event.operator] = event.approved


@_on(licences.ApprovalForAll)
def _licence_approval_for_all(state: State, event: licences.ApprovalForAll) -> None:
    state.licence_tokens.operators[event.owner, event.operator] = event.approved


# Exchange


@_on(exchange.Purchased)
def _purchased(state: State, event: exchange.Purchased) -> None:
    """The licence lacks issue and expiry until the TokenExpiryUpdated of the same transaction."""
    plan = _known(state.plans, plan_of(event.licence), "plan")
    serial = event.licence & 0xFFFF_FFFF
    _require(serial == plan.sold + 1 <= plan.cap, f"of {plan.cap} licences {plan.sold} are sold")
    _require(plan.status != PlanStatus.CLOSED, "its plan is closed")
    _require(event.price == plan.price, f"its plan's price is {plan.price}")
    _hold(state, plan.currency, event.price)
    _order(state, event, plan)
    state.plans[plan_of(event.licence)] = replace(plan, sold=serial)
    state.licences[event.licence] = Licence(
        version=event.version,
        issued_at=0,
        expires_at=0,
        used=0,
        pack=event.pack,
        by_bank=False,
        status=LicenceStatus.ACTIVE,
        order=OrderStatus.OPEN if event.price else OrderStatus.SETTLED,
        fee_bps=event.fee_bps,
        tax_bps=event.tax_bps,
        deadline=event.deadline,
    )


@_on(exchange.Renewed)
def _renewed(state: State, event: exchange.Renewed) -> None:
    licence = _known(state.licences, event.licence, "licence")
    _require(licence.order == OrderStatus.SETTLED, f"its order is {licence.order.name.lower()}")
    plan = state.plans[plan_of(event.licence)]
    _require(event.price == plan.price, f"its plan's price is {plan.price}")
    _hold(state, plan.currency, event.price)
    _order(state, event, plan)
    state.licences[event.licence] = replace(
        licence,
        version=event.version,
        expires_at=event.expires_at,
        used=0,
        pack=event.pack,
        by_bank=False,
    )


@_on(exchange.PaymentUsed)
def _payment_used(state: State, event: exchange.PaymentUsed) -> None:
    """The purchase or renewal just before was paid at a bank: its money was never here."""
    licence = _known(state.licences, event.licence, "licence")
    plan = state.plans[plan_of(event.licence)]
    _require(event.payment_ref not in state.payments, "its payment was used before")
    _require((event.currency, event.amount) == (plan.currency, plan.price), f"the price is {plan.price}")
    _hold(state, plan.currency, -event.amount)
    state.payments[event.payment_ref] = Payment(
        licence=event.licence,
        provider=event.provider,
        currency=event.currency,
        amount=event.amount,
        time=state.block_time,
    )
    state.licences[event.licence] = replace(licence, by_bank=True)


def _hold(state: State, currency: int, amount: int) -> None:
    """In escrow, until it is owed to somebody."""
    held = state.escrow.get(currency, 0) + amount
    _require(held >= 0, f"only {held - amount} are in escrow")
    state.escrow[currency] = held


def _order(state: State, event: exchange.Purchased | exchange.Renewed, plan: Plan) -> None:
    state.orders[state.place] = Order(
        licence=event.licence,
        buyer=event.buyer,
        version=event.version,
        pack=event.pack,
        price=event.price,
        currency=plan.currency,
        renewal=isinstance(event, exchange.Renewed),
        time=state.block_time,
    )


@_on(exchange.Disputed)
def _disputed(state: State, event: exchange.Disputed) -> None:
    licence = _known(state.licences, event.licence, "licence")
    _require(licence.order == OrderStatus.OPEN, f"its order is {licence.order.name.lower()}")
    state.disputes[event.licence] = Dispute(
        buyer=event.buyer, opened_at=state.block_time, deadline=event.deadline, reason=event.reason
    )


@_on(exchange.Resolved)
def _resolved(state: State, event: exchange.Resolved) -> None:
    dispute = _known(state.disputes, event.licence, "dispute of licence")
    _require(not dispute.closed_at, "it is closed already")
    state.disputes[event.licence] = replace(
        dispute, arbiter=event.arbiter, refund=event.refund, decision=event.reason
    )


@_on(exchange.Settled)
def _settled(state: State, event: exchange.Settled) -> None:
    _closed(state, event.licence)


@_on(exchange.Refunded)
def _refunded(state: State, event: exchange.Refunded) -> None:
    _closed(state, event.licence)


def _closed(state: State, licence: int) -> None:
    """Money and status are told by Allocated and OrderChanged."""
    _known(state.licences, licence, "licence")
    dispute = state.disputes.get(licence)
    if dispute is not None and not dispute.closed_at:
        state.disputes[licence] = replace(dispute, closed_at=state.block_time)


@_on(exchange.Allocated)
def _allocated(state: State, event: exchange.Allocated) -> None:
    """From escrow to an account. What is allocated by bank, the payment provider owes."""
    _known(state.licences, event.licence, "licence")
    currency = state.plans[plan_of(event.licence)].currency
    _require(event.currency == currency, f"its plan's currency is {currency}")
    if event.by_bank:
        return
    _hold(state, currency, -event.amount)
    key = (currency, event.account)
    state.owed[key] = state.owed.get(key, 0) + event.amount


@_on(exchange.Withdrawn)
def _withdrawn(state: State, event: exchange.Withdrawn) -> None:
    key = (event.currency, event.account)
    owed = state.owed.get(key, 0)
    _require(event.amount == owed, f"{owed} were owed")
    state.owed[key] = 0


@_on(exchange.TermsSet)
def _terms_set(state: State, event: exchange.TermsSet) -> None:
    state.terms = Terms(
        fee_bps=event.fee_bps,
        tax_bps=event.tax_bps,
        confirm_window=event.confirm_window,
        arbitration_window=event.arbitration_window,
        halted=state.terms.halted,
    )


@_on(exchange.RecipientsSet)
def _recipients_set(state: State, event: exchange.RecipientsSet) -> None:
    state.treasury, state.tax_authority = event.treasury, event.tax_authority


@_on(exchange.CurrencyAdded)
def _currency_added(state: State, event: exchange.CurrencyAdded) -> None:
    _require(event.currency == len(state.currencies), f"the next currency is {len(state.currencies)}")
    state.currencies[event.currency] = Money(token=event.token, active=event.token != NOBODY)


@_on(exchange.CurrencyActivated)
def _currency_activated(state: State, event: exchange.CurrencyActivated) -> None:
    money = _known(state.currencies, event.currency, "currency")
    state.currencies[event.currency] = replace(money, active=event.active)


@_on(exchange.Halted)
def _halted(state: State, event: exchange.Halted) -> None:
    state.terms = replace(state.terms, halted=True)


@_on(exchange.Resumed)
def _resumed(state: State, event: exchange.Resumed) -> None:
    state.terms = replace(state.terms, halted=False)


@_on(exchange.AuthorityUpdated)
def _exchange_authority(state: State, event: exchange.AuthorityUpdated) -> None:
    state.authorities["Exchange"] = event.authority


@_on(settlement_token.AuthorityUpdated)
def _token_authority(state: State, event: settlement_token.AuthorityUpdated) -> None:
    state.authorities["SettlementToken"] = event.authority


# Log anchor


@_on(log_anchor.Anchored)
def _anchored(state: State, event: log_anchor.Anchored) -> None:
    count = state.anchored.get(event.custodian, 0)
    _require(event.index == count, f"the next checkpoint is {count}")
    state.checkpoints[event.custodian, event.index] = Checkpoint(event.size, event.time, event.root)
    state.anchored[event.custodian] = count + 1
