"""The catalogue read from the index: what is offered, and all about one listing."""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final

from ledger.chain import records
from ledger.chain.bindings import listings as events
from ledger.chain.bindings.structs import Importance, PersonalData, Sharing, Subject
from ledger.domain import dcat
from ledger.domain.catalogue import Attested, Details, Found, Offered, Pricing, Share, Wanted
from ledger.domain.history import AsOf, Filter
from ledger.domain.ids import listing_of, plan_id
from ledger.domain.listing import ListingUnknown
from ledger.domain.market import Kind
from ledger.indexer import views
from ledger.indexer.history import NOTHING
from ledger.indexer.mirror import put
from ledger.indexer.nouns import NOUNS
from ledger.indexer.state import State
from ledger.store.database import Begin
from ledger.store.index.catalogue import IndexCatalogue

AT_ONCE: Final = 200
"""Listings of an export read at a time."""
COUNTED: Final = 256
"""Searches whose counts are kept."""
COUNTED_SECONDS: Final = 60
"""How long at most, if no block comes: listings go stale by the clock."""
_NOUNS: Final = {noun.name: noun for noun in NOUNS}


class CatalogueReader:
    """See `ledger.services.catalogue.Offers`."""

    def __init__(self, read: Begin[IndexCatalogue], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._counted: OrderedDict[Any, tuple[int, dict[str, dict[str, int]]]] = OrderedDict()

    async def search(
        self, wanted: Wanted, after: int | None, limit: int, *, newest_first: bool
    ) -> tuple[AsOf, Found]:
        """Up to `limit` listings behind `after`, and how far the index is."""
        now = int(self._clock())
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            numbers = await index.listings(wanted, now, after, limit, newest_first=newest_first)
            total, facets = await self._count(index, wanted, held, now)
            return held, Found(await _offered(index, numbers), total, facets)

    async def _count(
        self, index: IndexCatalogue, wanted: Wanted, held: AsOf, now: int
    ) -> tuple[int, dict[str, dict[str, int]]]:
        """As `index.facets`; what was counted at the same block is not counted again for the next page."""
        key = (wanted, held.hash, now // COUNTED_SECONDS)
        if key not in self._counted:
            total, counted = await index.facets(wanted, now)
            self._counted[key] = total, _facets(counted)
            if len(self._counted) > COUNTED:
                self._counted.popitem(last=False)
        return self._counted[key]

    async def details(self, listing: int) -> tuple[AsOf, Details]:
        """Raises ListingUnknown."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            state = await _state(index, [listing], every=True)
            if listing not in state.listings:
                raise ListingUnknown(f"there is no listing {listing}")
            record = state.listings[listing]
            versions = range(record.versions, 0, -1)
            keys = [(listing, version, kind.value) for version in versions for kind in Kind]
            put(state, _NOUNS["attestations"], await index.load("attestations", keys))
            found = [views.version(state, listing, number) for number in versions]
            standing = {version.number: version.attestations for version in found}
            return held, Details(
                offered=(await _offered(index, [listing]))[0],
                versions=found,
                plans=[views.plan(state, plan_id(listing, index)) for index in range(record.plans)],
                attestations=[
                    Attested(
                        version,
                        kind,
                        bytes.fromhex(by.reviewer[2:]),
                        by.time,
                        by.evidence,
                        bool(standing[version] & kind),
                    )
                    for (_, version, kind), by in sorted(state.attestations.items())
                ],
                upstream=[
                    Share(listing_of(one.licence), one.licence, one.share_bps)
                    for one in state.upstreams.get(listing, ())
                ],
                derived=[
                    Share(one.listing, one.licence, one.share_bps)
                    for one in (
                        events.UpstreamNamed.from_journal(row.args) for row in await index.derived(listing)
                    )
                ],
                prices=[pricing async for pricing in _prices(index, state, listing)],
            )

    async def export(self) -> AsyncIterator[list[tuple[Offered, Any]]]:
        """Everything listed with its metadata document (None when it is not held), a few at a time."""
        now, after = int(self._clock()), None
        while True:
            async with self._read() as index:
                numbers = await index.listings(Wanted(), now, after, AT_ONCE, newest_first=False)
                offered = await _offered(index, numbers)
                documents = await index.documents([one.listing.newest.metadata for one in offered])
            if not numbers:
                return
            yield [(one, _document(documents.get(one.listing.newest.metadata))) for one in offered]
            after = numbers[-1]


async def _state(index: IndexCatalogue, numbers: Sequence[int], *, every: bool) -> State:
    """What the index says of these listings, their versions and plans: every one, or the newest."""
    state = State()
    put(state, _NOUNS["listings"], await index.load("listings", [(number,) for number in numbers]))
    versions: list[tuple[int, int]] = []
    plans: list[tuple[int]] = []
    for number, record in state.listings.items():
        first = 1 if every else record.versions
        versions += [(number, version) for version in range(first, record.versions + 1)]
        cut = 0 if every else max(record.plans - records.PLANS, 0)
        plans += [(plan_id(number, at),) for at in range(cut, record.plans)]
    put(state, _NOUNS["versions"], await index.load("versions", versions))
    put(state, _NOUNS["plans"], await index.load("plans", plans))
    return state


async def _offered(index: IndexCatalogue, numbers: Sequence[int]) -> list[Offered]:
    state = await _state(index, numbers, every=False)
    listings = [views.listing(state, number) for number in numbers]
    documents = await index.documents([listing.newest.metadata for listing in listings])
    described = (_document(documents.get(listing.newest.metadata)) for listing in listings)
    return [
        Offered(listing, dcat.NOT_DESCRIBED if document is None else dcat.described(document))
        for listing, document in zip(listings, described, strict=True)
    ]


async def titles(index: IndexCatalogue, numbers: Iterable[int]) -> dict[int, str | None]:
    """What the listings are called."""
    return {one.listing.id: one.described.title for one in await _offered(index, sorted(numbers))}


def _document(canonical: bytes | None) -> Any:
    return None if canonical is None else json.loads(canonical)


async def _prices(index: IndexCatalogue, state: State, listing: int) -> AsyncIterator[Pricing]:
    async for row, time in index.stream(Filter(listing=listing, contract="Listings")):
        if row.event in ("PlanAdded", "PlanClosed"):
            kind: Any = events.PlanAdded if row.event == "PlanAdded" else events.PlanClosed
            number = kind.from_journal(row.args).plan
            plan = state.plans[number]
            yield Pricing(
                number, plan.price, plan.currency, row.event == "PlanClosed", time, row.block_number
            )


def _facets(counted: dict[str, list[tuple[Any, int]]]) -> dict[str, dict[str, int]]:
    """With the values as they are asked for."""
    names: dict[str, Any] = {
        "importance": lambda value: Importance(value).name.lower(),
        "sharing": lambda value: Sharing(value).name.lower(),
        "subject": lambda value: Subject(value).name.lower(),
        "personal": lambda value: PersonalData(value).name.lower(),
        "home": lambda value: value.decode("ascii", "replace"),
        "seller": lambda value: f"0x{value.hex()}",
        "price": str,
        "right": str,
    }
    facets = {
        name: _counts((show(value), count) for value, count in counted[name]) for name, show in names.items()
    }
    freshness = _counts((("fresh", "stale")[stale], count) for stale, count in counted["stale"])
    return facets | {"freshness": freshness}


def _counts(found: Iterable[tuple[str, int]]) -> dict[str, int]:
    return {value: count for value, count in found if count}
