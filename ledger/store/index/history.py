"""The index as it is searched."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import fields
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, exists, func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from ledger.domain.history import AsOf, Filter, Trade
from ledger.store.index.tables import (
    BlockRow,
    CursorRow,
    EntryRow,
    ListingRow,
    MentionRow,
    OrderRow,
    ParticipantRow,
)

T = TypeVar("T")

Place = tuple[int, int]
"""Block number and log index."""
STREAMED: Final = {"yield_per": 500}


class IndexHistory:
    """Of one snapshot."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def as_of(self) -> AsOf | None:
        """None before anything was indexed."""
        row = (await self._session.exec(select(CursorRow))).one_or_none()
        return None if row is None else AsOf(row.head_number, row.head_hash, row.final_number)

    async def search(
        self, wanted: Filter, after: Place | None, limit: int, *, newest_first: bool
    ) -> list[tuple[EntryRow, int]]:
        """Entries and the times of their blocks, from behind the place `after`."""
        statement = _entries(wanted)
        place = tuple_(col(EntryRow.block_number), col(EntryRow.log_index))
        if after is not None:
            statement = statement.where(place < after if newest_first else place > after)
        order = [col(EntryRow.block_number), col(EntryRow.log_index)]
        statement = statement.order_by(*([one.desc() for one in order] if newest_first else order))
        return [(row, time) for row, time in await self._session.exec(statement.limit(limit))]

    async def stream(self, wanted: Filter) -> AsyncIterator[tuple[EntryRow, int]]:
        """All of them in order, a few at a time in memory."""
        statement = _entries(wanted).order_by(col(EntryRow.block_number), col(EntryRow.log_index))
        found = await self._session.stream(statement, execution_options=STREAMED)
        async for row, time in found:
            yield row, time
            self._session.expunge(row)

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
        place = col(OrderRow.block_number), col(OrderRow.log_index)
        found = select(OrderRow).where(col(OrderRow.time).between(since, until)).order_by(*place)
        async for row in self._stream(found):
            yield Trade(**{field.name: getattr(row, field.name) for field in fields(Trade)})

    def rows(self, table: type[T]) -> AsyncIterator[T]:
        """All rows of a table of the index."""
        return self._stream(select(table))

    async def _stream(self, statement: SelectOfScalar[T]) -> AsyncIterator[T]:
        found = await self._session.stream(statement, execution_options=STREAMED)
        async for row in found.scalars():
            yield row
            self._session.expunge(row)


def _entries(wanted: Filter) -> Select[EntryRow, int]:
    joined = (
        select(EntryRow, col(BlockRow.time))
        .join(BlockRow, col(BlockRow.number) == col(EntryRow.block_number))
        .execution_options(populate_existing=True)
    )
    if wanted.account is not None:
        joined = joined.where(_mentions(wanted.account.rjust(32, b"\0")))
    if wanted.reference is not None:
        joined = joined.where(_mentions(wanted.reference))
    return joined.where(*_conditions(wanted))


def _mentions(word: bytes) -> ColumnElement[bool]:
    named = select(col(MentionRow.block_number), col(MentionRow.log_index))
    named = named.where(col(MentionRow.word) == word)
    return tuple_(col(EntryRow.block_number), col(EntryRow.log_index)).in_(named)


def _conditions(wanted: Filter) -> Iterable[ColumnElement[bool]]:
    for column, value in (
        (EntryRow.listing, wanted.listing),
        (EntryRow.licence, wanted.licence),
        (EntryRow.contract, wanted.contract),
        (EntryRow.event, wanted.event),
    ):
        if value is not None:
            yield col(column) == value
    of_listing = [
        col(column) == value
        for column, value in (
            (ListingRow.importance, wanted.importance),
            (ListingRow.sharing, wanted.sharing),
            (ListingRow.subject, wanted.subject),
        )
        if value is not None
    ]
    if of_listing:
        yield col(EntryRow.listing).in_(select(col(ListingRow.listing)).where(*of_listing))
    if wanted.jurisdiction is not None:
        yield _at_home(wanted.jurisdiction.encode())
    number, time = col(EntryRow.block_number), col(BlockRow.time)
    if wanted.since is not None:
        yield time >= wanted.since
    if wanted.until is not None:
        yield time <= wanted.until
    if wanted.first_block is not None:
        yield number >= wanted.first_block
    if wanted.last_block is not None:
        yield number <= wanted.last_block


def _at_home(region: bytes) -> ColumnElement[bool]:
    listed = select(col(ListingRow.listing)).where(col(ListingRow.home) == region)
    named = exists(
        select(1)
        .select_from(MentionRow)
        .join(ParticipantRow, func.substr(col(MentionRow.word), 13) == col(ParticipantRow.account))
        .where(
            col(MentionRow.block_number) == col(EntryRow.block_number),
            col(MentionRow.log_index) == col(EntryRow.log_index),
            col(ParticipantRow.jurisdiction) == region,
        )
    )
    return col(EntryRow.listing).in_(listed) | named
