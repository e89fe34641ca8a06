"""Acts upon listings."""

from typing import Final

from msgspec.structs import replace

from ledger.chain.bindings import structs
from ledger.domain.ids import listing_of, listing_of_plan, plan_of
from ledger.domain.market import Right, Role
from tests.integration.indexer.market import drafts, tokens
from tests.integration.indexer.market.accounts import DAY, HOUR, TRADERS, address
from tests.integration.indexer.market.driver import Act, Market, act

REFUSED: Final = 1 << 7


@act("publish", 1.5)
def _publish(m: Market) -> Act | None:
    return _published(m, upstreams=False)


@act("publish derived", 0.7)
def _publish_derived(m: Market) -> Act | None:
    return _published(m, upstreams=True)


def _published(m: Market, *, upstreams: bool) -> Act | None:
    seller = m.pick(m.traders(Role.SELLER))
    if seller is None:
        return None
    named: list[structs.Upstream] = []
    if upstreams:
        owned = {
            listing_of(n): n
            for n in m.active()
            if m.right(n, Right.DERIVABLE)
            and m.owner(m.state.licence_tokens, n) == seller
            and m.state.licences[n].order == structs.OrderStatus.SETTLED
            and m.state.licences[n].expires_at > m.now
            and m.state.licences[n].version in m.saleable(listing_of(n))
        }
        for _, licence in sorted(owned.items())[:4]:
            royalty = m.state.plans[plan_of(licence)].royalty_bps
            named.append(structs.Upstream(licence, royalty + m.random.choice([0, 1, 333])))
        if not named:
            return None
    class_, basis = drafts.classification(m)
    plans = tuple(drafts.plan_draft(m, seller) for _ in range(m.random.randrange(bool(named), 4)))
    return Act(seller, m.listings.publish(class_, basis, drafts.draft(m, seller), plans, tuple(named)))


def _own_listing(m: Market) -> tuple[int, str] | None:
    kept = {n for n, listing in m.state.listings.items() if not listing.delisted}
    found = m.pick(sorted(kept & m.licensed() if m.chance(0.5) else kept))
    return None if found is None else (found, m.owner(m.state.listing_tokens, found))


@act("add version", 1.5)
def _add_version(m: Market) -> Act | None:
    if (own := _own_listing(m)) is None:
        return None
    return Act(own[1], m.listings.add_version(own[0], drafts.draft(m, own[1])))


@act("withdraw version", 0.1)
def _withdraw_version(m: Market) -> Act | None:
    found = m.pick([key for key, version in m.state.versions.items() if not version.withdrawn])
    if found is None:
        return None
    by = m.random.choice(["supervisor", m.owner(m.state.listing_tokens, found[0])])
    return Act(by, m.listings.withdraw_version(*found, m.hash()))


@act("add plan", 1.5)
def _add_plan(m: Market) -> Act | None:
    own = _own_listing(m)
    return Act(own[1], m.listings.add_plan(own[0], drafts.plan_draft(m, own[1]))) if own else None


@act("close plan", 0.15)
def _close_plan(m: Market) -> Act | None:
    found = m.pick([n for n, plan in m.state.plans.items() if plan.status != structs.PlanStatus.CLOSED])
    if found is None:
        return None
    return Act(m.owner(m.state.listing_tokens, listing_of_plan(found)), m.listings.close_plan(found))


@act("reclassify", 0.3)
def _reclassify(m: Market) -> Act | None:
    refused = [n for n, listing in m.state.listings.items() if listing.required & REFUSED]
    found = m.pick(refused or list(m.state.listings))
    if found is None:
        return None
    class_, basis = drafts.classification(m)
    holder = m.owner(m.state.listing_tokens, found)
    by = "supervisor" if m.state.listings[found].imposed else m.random.choice(["supervisor", holder])
    return Act(by, m.listings.reclassify(found, class_, basis, m.hash()))


@act("reclassify against the rules", 0.05)
def _reclassify_against(m: Market) -> Act | None:
    found = m.pick(list(m.state.listings))
    if found is None:
        return None
    class_ = replace(drafts.classification(m)[0], importance=structs.Importance.UNCLASSIFIED)
    return Act("supervisor", m.listings.reclassify(found, class_, m.hash(), m.hash()))


@act("delist", 0.05)
def _delist(m: Market) -> Act | None:
    own = _own_listing(m)
    return Act(own[1], m.listings.delist(own[0], m.hash())) if own else None


@act("freeze", 0.2)
def _freeze(m: Market) -> Act | None:
    found = m.pick(list(m.state.listings))
    until = m.now + m.random.choice([60, HOUR, 5 * HOUR])
    return Act("supervisor", m.listings.freeze(found, until, m.hash())) if found else None


@act("unfreeze", 0.6)
def _unfreeze(m: Market) -> Act | None:
    found = m.pick([n for n, listing in m.state.listings.items() if listing.frozen_until > m.now])
    by = m.random.choice(["arbiter", "supervisor"])
    return Act(by, m.listings.unfreeze(found, m.hash())) if found else None


@act("approve transfer", 0.8)
def _approve_transfer(m: Market) -> Act | None:
    found = m.pick(list(m.state.listings))
    until = m.random.choice([0, m.now + DAY, m.now + 30 * DAY])
    to = address(m.random.choice(TRADERS))
    return Act("supervisor", m.listings.approve_transfer(found, to, until, m.hash())) if found else None


@act("set rule pack", 0.2)
def _set_rule_pack(m: Market) -> Act | None:
    pack = m.packs.get(m.state.rule_pack.version)
    return m.admin(m.listings.set_rule_pack(pack)) if pack else None


@act("listing: approve", 0.5)
def _listing_approve(m: Market) -> Act | None:
    return tokens.approve(m, m.state.listing_tokens, m.listings)


@act("listing: approve for all", 0.5)
def _listing_approve_for_all(m: Market) -> Act | None:
    return tokens.approve_for_all(m, m.listings)


@act("listing: transfer", 0.5)
def _listing_transfer(m: Market) -> Act | None:
    return tokens.transfer(m, m.state.listing_tokens, m.listings, list(m.state.listings), "plain")


@act("listing: safe transfer", 0.4)
def _listing_safe_transfer(m: Market) -> Act | None:
    return tokens.transfer(m, m.state.listing_tokens, m.listings, list(m.state.listings), "safe")


@act("listing: safe transfer with data", 0.4)
def _listing_safe_transfer_with_data(m: Market) -> Act | None:
    return tokens.transfer(m, m.state.listing_tokens, m.listings, list(m.state.listings), "data")
