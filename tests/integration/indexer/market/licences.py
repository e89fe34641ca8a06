"""Acts upon licences."""

from ledger.chain.bindings import structs
from ledger.domain.ids import listing_of, plan_of
from ledger.domain.market import Right
from tests.integration.indexer.market import tokens
from tests.integration.indexer.market.driver import Act, Market, act


@act("upgrade", 1.5)
def _upgrade(m: Market) -> Act | None:
    found = m.pick(
        [
            (n, version)
            for n in m.active()
            if m.right(n, Right.UPDATES) and m.state.licences[n].expires_at > m.now
            for version in m.saleable(listing_of(n), m.state.licences[n].version + 1)
        ]
    )
    if found is None:
        return None
    return Act(m.owner(m.state.licence_tokens, found[0]), m.licences.upgrade(*found))


@act("revoke", 0.3)
def _revoke(m: Market) -> Act | None:
    found = m.pick(m.active())
    return Act("supervisor", m.licences.revoke(found, m.hash())) if found else None


@act("reinstate licence", 0.8)
def _reinstate_licence(m: Market) -> Act | None:
    revoked = [n for n, found in m.state.licences.items() if found.status == structs.LicenceStatus.REVOKED]
    found = m.pick(revoked)
    return Act("arbiter", m.licences.reinstate(found, m.hash())) if found else None


@act("count uses", 1)
def _count_uses(m: Market) -> Act | None:
    found = m.pick([n for n in m.active() if m.state.plans[plan_of(n)].quota])
    uses = m.random.choice([1, 1, 2, 3])
    return Act("custodian", m.licences.count_uses(found, uses)) if found else None


@act("licence: approve", 0.5)
def _licence_approve(m: Market) -> Act | None:
    return tokens.approve(m, m.state.licence_tokens, m.licences)


@act("licence: approve for all", 0.5)
def _licence_approve_for_all(m: Market) -> Act | None:
    return tokens.approve_for_all(m, m.licences)


@act("licence: transfer", 1)
def _licence_transfer(m: Market) -> Act | None:
    return tokens.transfer(m, m.state.licence_tokens, m.licences, _movable(m), "plain")


@act("licence: safe transfer", 1)
def _licence_safe_transfer(m: Market) -> Act | None:
    return tokens.transfer(m, m.state.licence_tokens, m.licences, _movable(m), "safe")


@act("licence: safe transfer with data", 1)
def _licence_safe_transfer_with_data(m: Market) -> Act | None:
    return tokens.transfer(m, m.state.licence_tokens, m.licences, _movable(m), "data")


def _movable(m: Market) -> list[int]:
    return [
        n
        for n in m.active()
        if m.right(n, Right.TRANSFERABLE)
        and m.state.licences[n].order == structs.OrderStatus.SETTLED
        and m.state.licences[n].version in m.saleable(listing_of(n))
    ]
