"""The index as it is searched."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Row,
    and_,
    cast,
    func,
    literal,
    tuple_,
    union,
)
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.history import AsOf, Filter, Trade
from ledger.domain.ids import listing_of
from ledger.store import columns
from ledger.store.index.tables import (
    BlockRow,
    CursorRow,
    EntryRow,
    LicenceRow,
    ListingRow,
    MentionRow,
    OrderRow,
    ParticipantRow,
)

Place = tuple[int, int]
"""Block number and log index."""
STREAMED: Final = {"yield_per": 500}
FEW: Final = 5_000
CLASSES: Final = ("importance", "sharing", "subject", "holder")
"""What a filter asks of an entry's listing."""
_PLACE: Final = (col(EntryRow.block_number), col(EntryRow.log_index))


class IndexHistory:
    """Of one snapshot."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def as_of(self) -> AsOf | None:
        """None before anything was indexed."""
        row = (await self._session.exec(select(CursorRow))).one_or_none()
        return None if row is None else AsOf(row.head_number, row.head_hash, row.final_number)

    async def search(
        self,
        wanted: Filter,
        after: Place | None,
        limit: int,
        *,
        newest_first: bool,
        events: Collection[str] | None = None,
    ) -> list[tuple[EntryRow, int]]:
        """Entries and the times of their blocks, from behind the place `after`. `events`: all that the wanted
        contract emits."""
        scattered: Any = None
        for names, places in _scattered(wanted, events):
            if await self._few(places):
                wanted, scattered = replace(wanted, **dict.fromkeys(names)), union(*places).subquery()
                break
        statement, order = _entries(wanted)
        if scattered is not None:
            statement = statement.join(scattered, tuple_(*_PLACE) == tuple_(*scattered.c))
            order = [one + 0 for one in scattered.c]
        place = tuple_(*order)
        if after is not None:
            statement = statement.where(place < after if newest_first else place > after)
        statement = statement.order_by(*([one.desc() for one in order] if newest_first else order))
        return [(row, time) for row, time in await self._session.exec(statement.limit(limit))]

    async def _few(self, places: Iterable[Any]) -> bool:
        """Whether they are so few that they are found first and put in order then, which no index does."""
        counts = [select(func.count()).select_from(some.limit(FEW).subquery()) for some in places]
        return sum([(await self._session.exec(one)).one() for one in counts]) < FEW

    async def stream(self, wanted: Filter) -> AsyncIterator[tuple[EntryRow, int]]:
        """All of them in order, a few at a time in memory."""
        statement, order = _entries(wanted)
        found = await self._session.stream(statement.order_by(*order), execution_options=STREAMED)
        async for row, time in found:
            yield row, time
            self._session.expunge(row)

    async def replayed(self, first: int, last: int) -> AsyncIterator[Sequence[Row[Any]]]:
        """Entries of the blocks `first` to `last` in order, some at a time, as rows of `index_entries` with
        the `time` of their blocks: twice as fast as objects."""
        number = col(EntryRow.block_number)
        told: Any = (*columns.Table.metadata.tables["index_entries"].columns, col(BlockRow.time))
        found = (
            select(*told)
            .join(BlockRow, col(BlockRow.number) == number)
            .where(number.between(first, last))
            .order_by(number, col(EntryRow.log_index))
        )
        async for some in (await self._session.stream(found, execution_options=STREAMED)).partitions():
            yield some

    async def block(self, number: int) -> BlockRow | None:
        return await self._session.get(BlockRow, number)

    async def blocks(self, after: int, upto: int, limit: int) -> list[BlockRow]:
        """Those numbered above `after` up to `upto`, oldest first."""
        numbers = col(BlockRow.number)
        found = select(BlockRow).where(numbers > after, numbers <= upto).order_by(numbers).limit(limit)
        return list((await self._session.exec(found)).all())

    async def counts(self, first: int, last: int) -> dict[str, tuple[int, int]]:
        """Of the blocks `first` to `last`, by contract: how many entries, how many of them in a journal."""
        counted = select(EntryRow.contract, func.count(), func.count(col(EntryRow.position)))
        counted = counted.where(col(EntryRow.block_number).between(first, last)).group_by(
            col(EntryRow.contract)
        )
        return {name: (total, kept) for name, total, kept in await self._session.exec(counted)}

    async def changed(self, first: int, last: int) -> list[tuple[int, int]]:
        """By block, which listings entries of the blocks `first` to `last` are about."""
        block, listing = col(EntryRow.block_number), col(EntryRow.listing)
        found = select(block, listing).where(block.between(first, last), listing.is_not(None)).distinct()
        rows = await self._session.exec(found.order_by(block, listing))
        return [(number, about) for number, about in rows if about is not None]

    async def trades(self, since: int, until: int) -> AsyncIterator[Trade]:
        """Purchases and renewals within these times, inclusive, in order."""
        found = select(*(col(getattr(OrderRow, field.name)) for field in fields(Trade)))
        place = col(OrderRow.block_number), col(OrderRow.log_index)
        async for row in self._stream(found.where(col(OrderRow.time).between(since, until)).order_by(*place)):
            yield Trade(**row._mapping)

    async def sold(self, since: int, until: int, period: int) -> AsyncIterator[Any]:
        """How many `trades` of each kind within these times, inclusive: by start of their `period`
        (seconds), the listing's classes, both homes, and the price."""
        time = col(OrderRow.time)
        each = (
            (time - time % period).label("start"),
            *(col(column) for column in (ListingRow.importance, ListingRow.subject, ListingRow.home)),
            *(col(column) for column in (ParticipantRow.jurisdiction, OrderRow.currency)),
            *(col(column) for column in (OrderRow.renewal, OrderRow.price)),
        )
        place = tuple_(col(OrderRow.block_number), col(OrderRow.log_index))
        found: Any = (
            select(*each, func.count().label("trades"))  # type: ignore[call-overload]
            .select_from(OrderRow)
            .join(EntryRow, tuple_(col(EntryRow.block_number), col(EntryRow.log_index)) == place)
            .join(ListingRow, col(ListingRow.listing) == col(EntryRow.listing))
            .outerjoin(ParticipantRow, col(ParticipantRow.account) == col(OrderRow.buyer))
            .where(time.between(since, until))
            .group_by(*each)
        )
        async for row in self._stream(found):
            yield row

    async def licensed(self) -> AsyncIterator[tuple[int, int | None, int]]:
        """Listing, status, and how many licences have both; some may come in several rows."""
        listing, status = col(LicenceRow.listing), col(LicenceRow.status)
        whole = True
        found = select(listing, status, func.count()).group_by(listing, status)
        async for about, having, count in self._stream(found):
            if about is None:
                whole = False
            else:
                yield about, having, count
        if not whole:
            async for licence, having in self._stream(
                select(LicenceRow.licence, status).where(listing.is_(None))
            ):
                yield listing_of(licence), having, 1

    def rows(self, *columns: Any) -> AsyncIterator[Any]:
        """These columns of every row of their table. (Objects would take ten times as long.)"""
        return self._stream(select(*columns))

    async def _stream(self, statement: Any) -> AsyncIterator[Any]:
        found = await self._session.stream(statement, execution_options=STREAMED)
        async for some in found.partitions():
            for row in some:
                yield row


def _entries(wanted: Filter) -> tuple[Any, list[Any]]:
    """Those wanted with the times of their blocks, and what puts them in order: by the mentions of what they
    are found by, if any, which stand in that order too."""
    statement: Any = select(EntryRow, col(BlockRow.time)).join(
        BlockRow, col(BlockRow.number) == col(EntryRow.block_number)
    )
    order: list[Any] = [col(EntryRow.block_number), col(EntryRow.log_index)]
    account = None if wanted.account is None else wanted.account.rjust(32, b"\0")
    for word in (account, wanted.reference):
        if word is not None:
            mention = aliased(MentionRow)
            named = [col(mention.block_number), col(mention.log_index)]
            joined = [entry == one for entry, one in zip(_PLACE, named, strict=True)]
            statement = statement.join(mention, and_(col(mention.word) == word, *joined))
            order = named
    statement = statement.where(*_conditions(wanted, order[0]))
    return statement.execution_options(populate_existing=True), order


def _scattered(wanted: Filter, events: Collection[str] | None) -> Iterator[tuple[Sequence[str], list[Any]]]:
    """Conditions that no index has the entries of in order, by their names in the filter; with each the
    places of what meets it."""
    if (wanted.account, wanted.reference, wanted.licence, wanted.listing) != (None,) * 4:
        return
    if wanted.contract is not None and wanted.event is None and events is not None:
        yield (), [select(*_PLACE).where(col(EntryRow.event).in_(events))]  # others emit some of them too
    if of_listing := _of_listing(wanted):
        listings = select(col(ListingRow.listing)).where(*of_listing)
        yield CLASSES, [_places(listings)]
    if wanted.jurisdiction is not None:
        region = wanted.jurisdiction.encode()
        listings = select(col(ListingRow.listing)).where(col(ListingRow.home) == region)
        word = cast(literal(bytes(12), LargeBinary).concat(col(ParticipantRow.account)), LargeBinary)
        words = select(word).where(col(ParticipantRow.jurisdiction) == region)
        mentions = select(col(MentionRow.block_number), col(MentionRow.log_index))
        yield ("jurisdiction",), [_places(listings), mentions.where(col(MentionRow.word).in_(words))]


def _places(listings: Any) -> Any:
    return select(*_PLACE).where(col(EntryRow.listing).in_(listings))


def _of_listing(wanted: Filter) -> list[Any]:
    values = ((getattr(ListingRow, name), getattr(wanted, name)) for name in CLASSES)
    return [col(column) == value for column, value in values if value is not None]


def _conditions(wanted: Filter, number: Any) -> Iterable[ColumnElement[bool]]:
    for column, value in (
        (EntryRow.listing, wanted.listing),
        (EntryRow.licence, wanted.licence),
        (EntryRow.contract, wanted.contract),
        (EntryRow.event, wanted.event),
    ):
        if value is not None:
            yield col(column) == value
    if of_listing := _of_listing(wanted):
        yield col(EntryRow.listing).in_(select(col(ListingRow.listing)).where(*of_listing))
    if wanted.jurisdiction is not None:
        yield _at_home(wanted.jurisdiction.encode())
    time, block = col(BlockRow.time), col(BlockRow.number)
    if wanted.since is not None:  # by number, which entries are in the order of
        first = select(block).where(time >= wanted.since).order_by(time, block).limit(1)
        yield number >= first.scalar_subquery()
    if wanted.until is not None:
        last = select(block).where(time <= wanted.until).order_by(time.desc(), block.desc()).limit(1)
        yield number <= last.scalar_subquery()
    if wanted.first_block is not None:
        yield number >= wanted.first_block
    if wanted.last_block is not None:
        yield number <= wanted.last_block


def _at_home(region: bytes) -> ColumnElement[bool]:
    listed = select(col(ListingRow.listing)).where(col(ListingRow.home) == region)
    named = (  # not EXISTS, which PostgreSQL would work out for all entries at once
        select(1)
        .select_from(MentionRow)
        .join(ParticipantRow, func.substr(col(MentionRow.word), 13) == col(ParticipantRow.account))
        .where(
            col(MentionRow.block_number) == col(EntryRow.block_number),
            col(MentionRow.log_index) == col(EntryRow.log_index),
            col(ParticipantRow.jurisdiction) == region,
        )
        .limit(1)
        .scalar_subquery()
    )
    return col(EntryRow.listing).in_(listed) | named.is_not(None)
