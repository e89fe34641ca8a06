"""Acts of trade."""

from collections.abc import Callable

from ledger.chain.bindings import structs
from ledger.domain.ids import listing_of, plan_of
from tests.integration.indexer.market import drafts
from tests.integration.indexer.market.accounts import HOUR, NAMES, address
from tests.integration.indexer.market.driver import Act, Market, act


@act("buy", 5)
def _buy(m: Market) -> Act | None:
    if (offer := m.offer(True, lambda plan: plan.price > 0, allowance=True)) is None:
        return None
    plan, version, buyer = offer
    return Act(buyer, m.exchange.buy(plan, version, m.held(buyer)))


@act("take for free", 1)
def _take(m: Market) -> Act | None:
    if (offer := m.offer(False, lambda plan: plan.price == 0)) is None:
        return None
    plan, version, buyer = offer
    return Act(buyer, m.exchange.buy(plan, version, m.held(buyer)))


@act("buy with permit", 2)
def _buy_with_permit(m: Market) -> Act | None:
    if (offer := m.offer(True)) is None:
        return None
    plan, version, buyer = offer
    token = m.state.currencies[m.state.plans[plan].currency].token
    call = m.exchange.buy_with_permit(plan, version, m.held(buyer), drafts.permit(m, buyer, plan))
    return Act(buyer, call, permit=token)


@act("buy with bank", 3)
def _buy_with_bank(m: Market) -> Act | None:
    if (offer := m.offer(False)) is None:
        return None
    plan, version, buyer = offer
    payment = drafts.payment(m, buyer, plan, version, 0)
    return Act(buyer, m.exchange.buy_with_bank(plan, version, m.held(buyer), payment))


def _renewable(m: Market, by_token: bool) -> tuple[int, int, str] | None:
    offers = set(m.offers(by_token))
    return m.pick(
        [
            (n, version, m.owner(m.state.licence_tokens, n))
            for n in m.active()
            if m.state.licences[n].order == structs.OrderStatus.SETTLED and m.state.plans[plan_of(n)].duration
            for plan, version in offers
            if plan == plan_of(n) and version >= m.state.licences[n].version
        ]
    )


@act("renew", 2)
def _renew(m: Market) -> Act | None:
    if (found := _renewable(m, True)) is None:
        return None
    licence, version, holder = found
    return Act(holder, m.exchange.renew(licence, version, m.state.licences[licence].expires_at))


@act("renew with bank", 2)
def _renew_with_bank(m: Market) -> Act | None:
    if (found := _renewable(m, False)) is None:
        return None
    licence, version, holder = found
    payment = drafts.payment(m, holder, plan_of(licence), version, licence)
    expiry = m.state.licences[licence].expires_at
    return Act(holder, m.exchange.renew_with_bank(licence, version, expiry, payment))


@act("confirm", 4)
def _confirm(m: Market) -> Act | None:
    found = m.pick(m.orders(structs.OrderStatus.OPEN))
    return Act(m.owner(m.state.licence_tokens, found), m.exchange.confirm(found)) if found else None


@act("release", 1)
def _release(m: Market) -> Act | None:
    due = [n for n in m.orders(structs.OrderStatus.OPEN) if m.state.licences[n].deadline <= m.now]
    found = m.pick(due)
    return Act("outsider", m.exchange.release(found)) if found else None


@act("dispute", 3)
def _dispute(m: Market) -> Act | None:
    found = m.pick([n for n in m.orders(structs.OrderStatus.OPEN) if m.state.licences[n].deadline > m.now])
    if found is None:
        return None
    return Act(m.owner(m.state.licence_tokens, found), m.exchange.dispute(found, m.hash()))


@act("resolve for the seller", 0.7)
def _resolve_for_seller(m: Market) -> Act | None:
    return _resolve(m, lambda _: 0)


@act("resolve in part", 0.7)
def _resolve_in_part(m: Market) -> Act | None:
    return _resolve(m, lambda price: m.random.randrange(1, price) if price > 1 else 0)


@act("resolve for the buyer", 0.7)
def _resolve_for_buyer(m: Market) -> Act | None:
    return _resolve(m, lambda price: price)


def _resolve(m: Market, refund: Callable[[int], int]) -> Act | None:
    found = m.pick(
        [n for n in m.orders(structs.OrderStatus.DISPUTED) if m.state.licences[n].deadline > m.now]
    )
    if found is None:
        return None
    amount = refund(m.state.plans[plan_of(found)].price)
    return Act("arbiter", m.exchange.resolve(found, amount, m.hash()))


@act("refund", 0.7)
def _refund(m: Market) -> Act | None:
    found = m.pick(m.orders(structs.OrderStatus.OPEN) + m.orders(structs.OrderStatus.DISPUTED))
    if found is None:
        return None
    return Act(m.owner(m.state.listing_tokens, listing_of(found)), m.exchange.refund(found))


@act("lapse", 1.5)
def _lapse(m: Market) -> Act | None:
    due = [n for n in m.orders(structs.OrderStatus.DISPUTED) if m.state.licences[n].deadline <= m.now]
    found = m.pick(due)
    return Act("outsider", m.exchange.lapse(found)) if found else None


@act("withdraw")
def _withdraw(m: Market) -> Act | None:
    found = m.pick([key for key, amount in m.state.owed.items() if amount])
    return Act(NAMES[found[1]], m.exchange.withdraw(found[0])) if found else None


@act("set terms", 0.4)
def _set_terms(m: Market) -> Act | None:
    r = m.random
    windows = (r.randrange(HOUR, 4 * HOUR), r.randrange(HOUR, 4 * HOUR))
    return m.admin(m.exchange.set_terms(r.randrange(1001), r.randrange(2001), *windows))


@act("set recipients", 0.3)
def _set_recipients(m: Market) -> Act | None:
    names = [address(m.random.choice(["treasury", "tax", "seller", "buyer"])) for _ in range(2)]
    return m.admin(m.exchange.set_recipients(names[0], names[1]))


@act("add currency", 0.1)
def _add_currency(m: Market) -> Act | None:
    if len(m.state.currencies) > 3:
        return None
    return m.admin(m.exchange.add_currency(m.tokens[1]))


@act("activate currency", 0.2)
def _activate_currency(m: Market) -> Act | None:
    currency = m.random.choice([n for n in m.state.currencies if n])
    return m.admin(
        m.exchange.activate_currency(currency, not m.state.currencies[currency].active or m.chance(0.7))
    )


@act("halt", 0.1)
def _halt(m: Market) -> Act | None:
    return None if m.state.terms.halted else m.admin(m.exchange.halt(m.hash()))


@act("resume", 2)
def _resume(m: Market) -> Act | None:
    return m.admin(m.exchange.resume()) if m.state.terms.halted else None
