"""The catalogue out of the index and the words of metadata documents."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    case,
    cast,
    distinct,
    exists,
    func,
    literal,
    or_,
    type_coerce,
)
from sqlmodel import col, select

from ledger.domain.catalogue import RIGHTS, Wanted
from ledger.store.index.history import IndexHistory
from ledger.store.index.rows import IndexRows, Key, Row, index_table
from ledger.store.index.tables import EntryRow, ListingRow, PlanRow, VersionRow
from ledger.store.metadata import DocumentRow, WordRow

MOST_SELLERS: Final = 50
"""Sellers counted apart, those with the most listings."""
CLOSED: Final = 3
STATE_FEE: Final = 32
NOBODY: Final = bytes(20)

_LISTING_OF_PLAN: Final = cast(type_coerce(col(PlanRow.plan), String), BigInteger) // literal(1 << 16)
_PRICE: Final = case(
    (col(PlanRow.only_buyer) != NOBODY, "negotiated"),
    (col(PlanRow.flags).bitwise_and(STATE_FEE) != 0, "state-fee"),
    (col(PlanRow.price) == 0, "free"),
    (col(PlanRow.quota) != 0, "metered"),
    (col(PlanRow.duration) != 0, "subscription"),
    else_="fixed",
)


class IndexCatalogue(IndexHistory):
    """Of one snapshot."""

    async def listings(
        self, wanted: Wanted, now: int, after: int | None, limit: int, *, newest_first: bool
    ) -> list[int]:
        """Their numbers, from behind `after`."""
        number = col(ListingRow.listing)
        found = _matching(wanted, now)
        if after is not None:
            found = found.where(number < after if newest_first else number > after)
        order = number.desc() if newest_first else number
        return list((await self._session.exec(found.order_by(order).limit(limit))).all())

    async def total(self, wanted: Wanted, now: int) -> int:
        matching = _matching(wanted, now).subquery()
        return (await self._session.exec(select(func.count()).select_from(matching))).one()

    async def facets(self, wanted: Wanted, now: int) -> dict[str, list[tuple[Any, int]]]:
        """How many of those that match there are of each value, by facet."""
        matching = _matching(wanted, now).subquery()
        number = col(ListingRow.listing)
        within = number.in_(select(matching.c.listing))
        facets: dict[str, list[tuple[Any, int]]] = {}
        for name, column in (
            ("importance", ListingRow.importance),
            ("sharing", ListingRow.sharing),
            ("subject", ListingRow.subject),
            ("personal", ListingRow.personal),
            ("home", ListingRow.home),
            ("seller", ListingRow.holder),
        ):
            count = func.count(number)
            counted = select(col(column), count).where(within).group_by(col(column))
            if name == "seller":
                counted = counted.order_by(count.desc(), col(column)).limit(MOST_SELLERS)
            facets[name] = [(value, total) for value, total in await self._session.exec(counted)]
        plans = _LISTING_OF_PLAN.in_(select(matching.c.listing)) & (col(PlanRow.status) != CLOSED)
        count = func.count(distinct(_LISTING_OF_PLAN))
        prices = select(_PRICE, count).where(plans).group_by(_PRICE)
        facets["price"] = [(value, total) for value, total in await self._session.exec(prices)]
        facets["right"] = []
        for right, bit in RIGHTS.items():
            granting = select(count).where(plans, col(PlanRow.flags).bitwise_and(bit) != 0)
            facets["right"].append((right, (await self._session.exec(granting)).one()))
        stale = select(func.count()).select_from(_matching(wanted, now).where(~_fresh(now)).subquery())
        facets["stale"] = [(True, (await self._session.exec(stale)).one())]
        return facets

    async def load(self, noun: str, keys: Sequence[Key]) -> list[Row]:
        """Rows of the table `index_` and `noun` of these keys, as far as there are any."""
        connection = await self._session.connection()
        found = await connection.run_sync(lambda sync: IndexRows(sync).load(index_table(noun), keys))
        return list(found.values())

    async def documents(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Canonical metadata documents by their hash, as far as they are held."""
        found = select(DocumentRow.hash, DocumentRow.canonical).where(col(DocumentRow.hash).in_(hashes))
        return dict((await self._session.exec(found)).all())

    async def derived(self, listing: int) -> list[EntryRow]:
        """The entries that name a licence of the listing as an upstream."""
        licences = col(EntryRow.licence).between(listing << 48, (listing + 1 << 48) - 1)
        found = select(EntryRow).where(licences, EntryRow.event == "UpstreamNamed")
        return list((await self._session.exec(found.order_by(col(EntryRow.block_number)))).all())


def _matching(wanted: Wanted, now: int) -> Any:
    """The numbers of the listings that match."""
    newest = (col(VersionRow.listing) == col(ListingRow.listing)) & (
        col(VersionRow.number) == col(ListingRow.versions)
    )
    found = select(ListingRow.listing).join(VersionRow, newest)
    for column, value in (
        (ListingRow.importance, wanted.importance),
        (ListingRow.sharing, wanted.sharing),
        (ListingRow.subject, wanted.subject),
        (ListingRow.personal, wanted.personal),
        (ListingRow.holder, wanted.seller),
        (ListingRow.home, None if wanted.home is None else wanted.home.encode()),
        (ListingRow.delisted, None if wanted.delisted else False),
    ):
        if value is not None:
            found = found.where(col(column) == value)
    if wanted.fresh is not None:
        found = found.where(_fresh(now) if wanted.fresh else ~_fresh(now))
    plans: list[Any] = []
    if wanted.price is not None:
        plans.append(wanted.price == _PRICE)
    if wanted.right is not None:
        plans.append(col(PlanRow.flags).bitwise_and(RIGHTS[wanted.right]) != 0)
    if plans:
        offered = (col(ListingRow.listing) == _LISTING_OF_PLAN) & (col(PlanRow.status) != CLOSED)
        found = found.where(exists(select(1).select_from(PlanRow).where(offered, *plans)))
    for word in wanted.words:
        first = word.encode()
        named = select(WordRow.document).where(col(WordRow.word).between(first, first + b"\xff"))
        found = found.where(col(VersionRow.metadata_).in_(named))
    return found


def _fresh(now: int) -> ColumnElement[bool]:
    return or_(col(VersionRow.stale_at) == 0, col(VersionRow.stale_at) > now)
