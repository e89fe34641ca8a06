"""Acts of the rest: checkpoints, authority, allowances."""

from ledger.chain import bindings
from ledger.chain.bindings import structs
from tests.integration.indexer.market.accounts import address
from tests.integration.indexer.market.driver import Act, Market, act


@act("anchor")
def _anchor(m: Market) -> Act | None:
    log = m.state.log(address("custodian"))
    last = log[-1] if log else structs.Checkpoint(0, 0, bytes(32))
    more = m.random.randrange(3)
    return Act("custodian", m.anchor.anchor(last.size + more, m.hash() if more else last.root))


@act("change authority", 0.1)
def _change_authority(m: Market) -> Act | None:
    contract = m.random.choice(["Participants", "Listings", "Exchange", "SettlementToken"])
    managers = [m.at("AccessManager"), m.second_manager]
    if m.state.authorities[contract] == m.second_manager:
        managers.reverse()
    call = bindings.AccessManager(managers[0]).update_authority(m.at(contract), managers[1])
    return Act("governor", call)


@act("allow", 4)
def _allow(m: Market) -> Act | None:
    found = m.pick(sorted(m.spent))
    if found is None:
        return None
    return Act(found[1], bindings.SettlementToken(found[0]).approve(m.at("Exchange"), 10**15))
