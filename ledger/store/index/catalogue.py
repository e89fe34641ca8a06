"""The catalogue out of the index and the words of metadata documents."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    String,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlmodel import col, select

from ledger.domain.catalogue import PRICES, RIGHTS, Wanted
from ledger.domain.market import Kind
from ledger.store.index.history import IndexHistory
from ledger.store.index.rows import AT_ONCE, IndexRows, Key, Row, index_table
from ledger.store.index.tables import EntryRow, LicenceRow, ListingRow, PlanRow, VersionRow
from ledger.store.metadata import DocumentRow, WordRow

MOST_SELLERS: Final = 50
"""Sellers counted apart, those with the most listings."""
SORTS: Final = ("importance", "sharing", "subject", "personal", "home", "stale")
"""Facets of a listing that have few values."""
CLOSED: Final = 3
STATE_FEE: Final = 32
NOBODY: Final = bytes(20)

_LISTING_OF_PLAN: Final = cast(type_coerce(col(PlanRow.plan), String), BigInteger) // literal(1 << 16)
_REVIEWED: Final = (Kind.LEGAL | Kind.SECURITY | Kind.QUALITY).value
_STANDING: Final = case(
    (col(VersionRow.epoch) == col(ListingRow.epoch), col(VersionRow.attestations)), else_=0
)
"""The attestations that stand, but for custody: those of an earlier epoch do not."""
_MISSING: Final = col(ListingRow.required).bitwise_and(_REVIEWED).bitwise_and(_STANDING.bitwise_not())
_PRICE: Final = case(
    (col(PlanRow.only_buyer) != NOBODY, "negotiated"),
    (col(PlanRow.flags).bitwise_and(STATE_FEE) != 0, "state-fee"),
    (col(PlanRow.price) == 0, "free"),
    (col(PlanRow.quota) != 0, "metered"),
    (col(PlanRow.duration) != 0, "subscription"),
    else_="fixed",
)
OFFERED: Final = (*(("right", value) for value in RIGHTS), *(("price", value) for value in PRICES))
"""What a plan may be like, each a bit; those of the rights are their own."""
_OFFERS: Final = (
    col(PlanRow.flags)
    .bitwise_and(sum(RIGHTS.values()))
    .bitwise_or(case({value: 1 << len(RIGHTS) + at for at, value in enumerate(PRICES)}, value=_PRICE))
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

    async def facets(self, wanted: Wanted, now: int) -> tuple[int, dict[str, list[tuple[Any, int]]]]:
        """How many listings match; by facet, how many of them there are of each value."""
        total, sellers = 0, list[tuple[Any, int]]()
        counts: dict[str, Counter[Any]] = {name: Counter() for name in (*SORTS, "price", "right")}
        for counted, *values, holder, offers, count in await self._session.exec(_counted(wanted, now)):
            if counted == "seller":
                sellers.append((holder, count))
            elif counted == "offers":
                for at, (facet, value) in enumerate(OFFERED):
                    counts[facet][value] += count if offers >> at & 1 else 0
            else:
                total += count
                for name, value in zip(SORTS, values, strict=True):
                    counts[name][value] += count
        return total, {name: list(found.items()) for name, found in counts.items()} | {"seller": sellers}

    async def held(self, account: bytes, after: tuple[int, int] | None, limit: int) -> list[int]:
        """Licences of the account, the newest first, from behind the time of issue and id `after`."""
        issued, number = col(LicenceRow.issued_at), col(LicenceRow.licence)
        found = select(number).where(col(LicenceRow.holder) == account)
        if after is not None:
            time, licence = after
            found = found.where((issued < time) | ((issued == time) & (number < licence)))
        return list(
            (await self._session.exec(found.order_by(issued.desc(), number.desc()).limit(limit))).all()
        )

    async def load(self, noun: str, keys: Sequence[Key]) -> list[Row]:
        """Rows of the table `index_` and `noun` of these keys, as far as there are any."""
        connection = await self._session.connection()
        found = await connection.run_sync(lambda sync: IndexRows(sync).load(index_table(noun), keys))
        return list(found.values())

    async def documents(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Canonical metadata documents by their hash, as far as they are held."""
        found: dict[bytes, bytes] = {}
        for first in range(0, len(hashes), AT_ONCE):
            some = col(DocumentRow.hash).in_(hashes[first : first + AT_ONCE])
            found.update(
                (await self._session.exec(select(DocumentRow.hash, DocumentRow.canonical).where(some))).all()
            )
        return found

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
    if wanted.awaiting:
        found = found.where(_MISSING != 0, ~col(VersionRow.withdrawn))
    plans: list[Any] = []
    if wanted.price is not None:
        plans.append(wanted.price == _PRICE)
    if wanted.right is not None:
        plans.append(col(PlanRow.flags).bitwise_and(RIGHTS[wanted.right]) != 0)
    if plans:
        offered = select(_LISTING_OF_PLAN).where(col(PlanRow.status) != CLOSED, *plans)
        found = found.where(col(ListingRow.listing).in_(offered))
    for word in wanted.words:
        first = word.encode()
        named = select(WordRow.document).where(col(WordRow.word).between(first, first + b"\xff"))
        found = found.where(col(VersionRow.metadata_).in_(named))
    return found


def _counted(wanted: Wanted, now: int) -> Any:
    """How many listings match: of each combination of `SORTS`, of each seller, and with plans, not closed,
    of which together these bits of `OFFERED` say what they are like. What matches is found once for all."""
    stale = case((_fresh(now), 0), else_=1).label("stale")
    columns = (*(getattr(ListingRow, name) for name in SORTS[:-1]), stale, ListingRow.holder)
    matching = _matching(wanted, now).with_only_columns(ListingRow.listing, *columns).cte("matching")
    sorts, holder = [matching.c[name] for name in SORTS], matching.c.holder
    count, none = func.count().label("count"), [cast(null(), one.type).label(one.name) for one in sorts]
    nobody, nothing = cast(null(), LargeBinary).label("holder"), cast(null(), BigInteger).label("offers")
    by_sort = select(*[literal("sort"), *sorts, nobody, nothing, count]).group_by(*sorts)
    by_seller = select(*[literal("seller"), *none, holder, nothing, count]).group_by(holder)
    most = by_seller.order_by(count.desc(), holder).limit(MOST_SELLERS).subquery()
    plans = select(_LISTING_OF_PLAN.label("listing"), _OFFERS.label("offers")).where(
        _LISTING_OF_PLAN.in_(select(matching.c.listing)), col(PlanRow.status) != CLOSED
    )
    each = plans.cte("each").prefix_with("MATERIALIZED")  # lest SQLite works each plan out for each bit
    offers = select(Either(each.c.offers).label("offers")).group_by(each.c.listing).subquery().c.offers
    by_offers = select(*[literal("offers"), *none, nobody, offers, count]).group_by(offers)
    return union_all(by_sort, select(most), by_offers)


class Either(GenericFunction[int]):
    """What PostgreSQL calls bit_or, of the bits of `OFFERED`."""

    type = BigInteger()
    name = "bit_or"
    inherit_cache = True


@compiles(Either, "sqlite")
def _without_bit_or(element: Any, compiler: Any, **kwargs: Any) -> str:
    (value,) = (compiler.process(one, **kwargs) for one in element.clauses)
    return " | ".join(f"max({value} & {1 << at})" for at in range(len(OFFERED)))


def _fresh(now: int) -> ColumnElement[bool]:
    return or_(col(VersionRow.stale_at) == 0, col(VersionRow.stale_at) > now)
