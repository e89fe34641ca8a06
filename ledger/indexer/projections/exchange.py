"""Orders, money and disputes; terms and currencies; the access logs' checkpoints."""

from msgspec.structs import replace

from ledger.chain.bindings import exchange, log_anchor, settlement_token
from ledger.chain.bindings.structs import (
    Checkpoint,
    Licence,
    LicenceStatus,
    Money,
    OrderStatus,
    Plan,
    PlanStatus,
    Terms,
)
from ledger.domain.ids import plan_of
from ledger.indexer.projections.register import known, on, require
from ledger.indexer.state import NOBODY, Dispute, Order, Payment, State


@on(exchange.Purchased)
def _purchased(state: State, event: exchange.Purchased) -> None:
    """The licence lacks issue and expiry until the TokenExpiryUpdated of the same transaction."""
    plan = known(state.plans, plan_of(event.licence), "plan")
    serial = event.licence & 0xFFFF_FFFF
    require(serial == plan.sold + 1 <= plan.cap, f"of {plan.cap} licences {plan.sold} are sold")
    require(plan.status != PlanStatus.CLOSED, "its plan is closed")
    require(event.price == plan.price, f"its plan's price is {plan.price}")
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


@on(exchange.Renewed)
def _renewed(state: State, event: exchange.Renewed) -> None:
    licence = known(state.licences, event.licence, "licence")
    require(licence.order == OrderStatus.SETTLED, f"its order is {licence.order.name.lower()}")
    plan = state.plans[plan_of(event.licence)]
    require(event.price == plan.price, f"its plan's price is {plan.price}")
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


@on(exchange.PaymentUsed)
def _payment_used(state: State, event: exchange.PaymentUsed) -> None:
    """The purchase or renewal just before was paid at a bank: its money was never here."""
    licence = known(state.licences, event.licence, "licence")
    plan = state.plans[plan_of(event.licence)]
    require(event.payment_ref not in state.payments, "its payment was used before")
    require((event.currency, event.amount) == (plan.currency, plan.price), f"the price is {plan.price}")
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
    require(held >= 0, f"only {held - amount} are in escrow")
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


@on(exchange.Disputed)
def _disputed(state: State, event: exchange.Disputed) -> None:
    licence = known(state.licences, event.licence, "licence")
    require(licence.order == OrderStatus.OPEN, f"its order is {licence.order.name.lower()}")
    state.disputes[event.licence] = Dispute(
        buyer=event.buyer, opened_at=state.block_time, deadline=event.deadline, reason=event.reason
    )


@on(exchange.Resolved)
def _resolved(state: State, event: exchange.Resolved) -> None:
    dispute = known(state.disputes, event.licence, "dispute of licence")
    require(not dispute.closed_at, "it is closed already")
    state.disputes[event.licence] = replace(
        dispute, arbiter=event.arbiter, refund=event.refund, decision=event.reason
    )


@on(exchange.Settled)
def _settled(state: State, event: exchange.Settled) -> None:
    _closed(state, event.licence)


@on(exchange.Refunded)
def _refunded(state: State, event: exchange.Refunded) -> None:
    _closed(state, event.licence)


def _closed(state: State, licence: int) -> None:
    """Money and status are told by Allocated and OrderChanged."""
    known(state.licences, licence, "licence")
    dispute = state.disputes.get(licence)
    if dispute is not None and not dispute.closed_at:
        state.disputes[licence] = replace(dispute, closed_at=state.block_time)


@on(exchange.Allocated)
def _allocated(state: State, event: exchange.Allocated) -> None:
    """From escrow to an account. What is allocated by bank, the payment provider owes."""
    known(state.licences, event.licence, "licence")
    currency = state.plans[plan_of(event.licence)].currency
    require(event.currency == currency, f"its plan's currency is {currency}")
    if event.by_bank:
        return
    _hold(state, currency, -event.amount)
    key = (currency, event.account)
    state.owed[key] = state.owed.get(key, 0) + event.amount


@on(exchange.Withdrawn)
def _withdrawn(state: State, event: exchange.Withdrawn) -> None:
    key = (event.currency, event.account)
    owed = state.owed.get(key, 0)
    require(event.amount == owed, f"{owed} were owed")
    state.owed[key] = 0


@on(exchange.TermsSet)
def _terms_set(state: State, event: exchange.TermsSet) -> None:
    state.terms = Terms(
        fee_bps=event.fee_bps,
        tax_bps=event.tax_bps,
        confirm_window=event.confirm_window,
        arbitration_window=event.arbitration_window,
        halted=state.terms.halted,
    )


@on(exchange.RecipientsSet)
def _recipients_set(state: State, event: exchange.RecipientsSet) -> None:
    state.treasury, state.tax_authority = event.treasury, event.tax_authority


@on(exchange.CurrencyAdded)
def _currency_added(state: State, event: exchange.CurrencyAdded) -> None:
    require(event.currency == len(state.currencies), f"the next currency is {len(state.currencies)}")
    state.currencies[event.currency] = Money(token=event.token, active=event.token != NOBODY)


@on(exchange.CurrencyActivated)
def _currency_activated(state: State, event: exchange.CurrencyActivated) -> None:
    money = known(state.currencies, event.currency, "currency")
    state.currencies[event.currency] = replace(money, active=event.active)


@on(exchange.Halted)
def _halted(state: State, event: exchange.Halted) -> None:
    state.terms = replace(state.terms, halted=True)


@on(exchange.Resumed)
def _resumed(state: State, event: exchange.Resumed) -> None:
    state.terms = replace(state.terms, halted=False)


@on(exchange.AuthorityUpdated)
def _exchange_authority(state: State, event: exchange.AuthorityUpdated) -> None:
    state.authorities["Exchange"] = event.authority


@on(settlement_token.AuthorityUpdated)
def _token_authority(state: State, event: settlement_token.AuthorityUpdated) -> None:
    state.authorities["SettlementToken"] = event.authority


# Log anchor


@on(log_anchor.Anchored)
def _anchored(state: State, event: log_anchor.Anchored) -> None:
    count = state.anchored.get(event.custodian, 0)
    require(event.index == count, f"the next checkpoint is {count}")
    state.checkpoints[event.custodian, event.index] = Checkpoint(event.size, event.time, event.root)
    state.anchored[event.custodian] = count + 1
