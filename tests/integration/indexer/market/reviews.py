"""Acts of reviewers."""

from ledger.domain.market import Kind
from tests.integration.indexer.market.driver import Act, Market, act


@act("attest", 6)
def _attest(m: Market) -> Act | None:
    lacking = [
        (listing, number, kind)
        for (listing, number), version in m.state.versions.items()
        for kind in (Kind.LEGAL, Kind.SECURITY)
        if m.state.listings[listing].required & ~m.standing(listing, number) & kind
        and not version.withdrawn
        and not m.state.listings[listing].delisted
    ]
    anything = [
        (*key, kind) for key in m.state.versions for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY)
    ]
    wanted = m.licensed() | m.state.upstreams.keys()
    if preferred := [key for key in lacking if key[0] in wanted and m.chance(0.5)]:
        lacking = preferred
    found = m.pick(lacking if lacking and m.chance(0.9) else anything)
    if found is None:
        return None
    by = m.random.choice(["reviewer", "reviewer", "reviewer2"])
    listing, number, kind = found
    epoch = m.state.listings[listing].epoch
    return Act(by, m.reviews.attest(listing, number, kind.value, m.hash(), epoch))


@act("refuse", 0.3)
def _refuse(m: Market) -> Act | None:
    found = m.pick(list(m.state.versions))
    kind = m.random.choice([Kind.LEGAL, Kind.SECURITY, Kind.QUALITY])
    if found is None:
        return None
    epoch = m.state.listings[found[0]].epoch
    return Act("reviewer", m.reviews.refuse(*found, kind.value, m.hash(), epoch))
