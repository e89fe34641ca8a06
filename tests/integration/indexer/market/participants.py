"""Acts of the register."""

from ledger.domain.market import Role
from tests.integration.indexer.market import drafts
from tests.integration.indexer.market.accounts import DAY, HOUR, OVERSIGHT, TRADERS, address
from tests.integration.indexer.market.driver import Act, Market, act


@act("accredit")
def _accredit(m: Market) -> Act | None:
    out = [name for name in TRADERS if not (m.eligible(name, Role.SELLER) or m.eligible(name, Role.BUYER))]
    name = m.random.choice(out or list(TRADERS))
    roles = m.random.choice([Role.SELLER | Role.BUYER] * 6 + [Role.SELLER, Role.BUYER])
    return m.admin(drafts.accreditation(m, name, roles))


@act("appoint", 0.3)
def _appoint(m: Market) -> Act | None:
    role, name = m.random.choice([(Role.REVIEWER, "reviewer2"), *OVERSIGHT.items()])
    until = m.now + m.random.choice([DAY, 3650 * DAY]) if name == "reviewer2" else m.now + 3650 * DAY
    return m.admin(m.participants.appoint(address(name), role, b"VN", until, m.hash()))


@act("retire", 0.1)
def _retire(m: Market) -> Act | None:
    name = m.random.choice(["reviewer2", *TRADERS])
    return m.admin(m.participants.retire(address(name), m.hash()))


@act("suspend", 0.3)
def _suspend(m: Market) -> Act | None:
    name = m.random.choice(["reviewer2", "reviewer", "treasury", *TRADERS])  # treasury: never accredited
    until = m.now + m.random.choice([60, HOUR, 6 * HOUR])
    return Act("supervisor", m.participants.suspend(address(name), until, m.hash()))


@act("reinstate", 0.6)
def _reinstate(m: Market) -> Act | None:
    found = m.pick([a for a, p in m.state.participants.items() if p.suspended_until > m.now])
    by = m.random.choice(["arbiter", "supervisor"])
    return Act(by, m.participants.reinstate(found, m.hash())) if found else None
