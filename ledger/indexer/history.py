"""The history read from the index: entries decoded, and the market as it was at an earlier block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from ledger.chain.bindings import CONTRACTS
from ledger.chain.manifest import Manifest
from ledger.chain.plain import arguments
from ledger.domain.history import AsOf, BlockUnknown, Filter, HistoryEntry, LiveBlock, Participant
from ledger.domain.listing import Licence, Listing
from ledger.indexer import views
from ledger.indexer.past import Past
from ledger.indexer.state import State
from ledger.store.database import Begin
from ledger.store.index.history import IndexHistory, Place
from ledger.store.index.tables import EntryRow

T = TypeVar("T")

NOTHING: Final = AsOf(-1, bytes(32), -1)
"""Before anything was indexed."""


class IndexReader:
    """See `ledger.services.history.Entries`."""

    def __init__(self, read: Begin[IndexHistory], manifest: Manifest) -> None:
        self._read = read
        self._replaying = asyncio.Lock()
        self._past = Past(manifest)

    async def as_of(self) -> AsOf:
        async with self._read() as index:
            return await index.as_of() or NOTHING

    async def search(
        self, wanted: Filter, after: Place | None, limit: int, *, newest_first: bool
    ) -> tuple[AsOf, list[HistoryEntry]]:
        """Up to `limit` entries behind the place `after`, and how far the index is."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            contract = CONTRACTS.get(wanted.contract or "")
            events = [] if contract is None else [event.abi_name for event in contract.events.values()]
            found = await index.search(wanted, after, limit, newest_first=newest_first, events=events)
            return held, [entry(row, time) for row, time in found]

    async def stream(self, wanted: Filter) -> AsyncIterator[HistoryEntry]:
        """All of them in order, a few at a time in memory."""
        async with self._read() as index:
            async for row, time in index.stream(wanted):
                yield entry(row, time)

    async def blocks(self, after: int, upto: int, limit: int) -> list[LiveBlock]:
        """Up to `limit` blocks above `after`, oldest first."""
        async with self._read() as index:
            found = await index.blocks(after, upto, limit)
            changed: dict[int, list[int]] = {}
            if found:
                for number, listing in await index.changed(found[0].number, found[-1].number):
                    changed.setdefault(number, []).append(listing)
            return [
                LiveBlock(row.number, row.hash, row.time, tuple(changed.get(row.number, ()))) for row in found
            ]

    async def at(self, block: int | None, look: Callable[[State], T]) -> tuple[AsOf, T]:
        """What `look` makes of the market as it was after `block`; None for the newest final one.

        Raises BlockUnknown, and what `look` raises.
        """
        async with self._replaying, self._read() as index:
            held = await index.as_of() or NOTHING
            number = held.final if block is None else block
            found = await index.block(number)
            if found is None or number > held.final:
                raise BlockUnknown(f"the index holds no final block {number}; the newest is {held.final}")
            at = AsOf(number, found.hash, held.final)
            return at, look(await self._past.after(index, at))

    async def listing(self, number: int, block: int | None) -> tuple[AsOf, Listing]:
        """Raises BlockUnknown, ListingUnknown."""
        return await self.at(block, lambda state: views.listing(state, number))

    async def licence(self, number: int, block: int | None) -> tuple[AsOf, Licence]:
        """Raises BlockUnknown, LicenceUnknown."""
        return await self.at(block, lambda state: views.licence(state, number))

    async def participant(self, account: bytes, block: int | None) -> tuple[AsOf, Participant]:
        """Raises BlockUnknown, ParticipantUnknown."""
        return await self.at(block, lambda state: views.participant(state, account))


def entry(row: EntryRow, time: int) -> HistoryEntry:
    event = CONTRACTS[row.contract].events[row.topic0].from_journal(row.args)
    return HistoryEntry(
        block_number=row.block_number,
        block_hash=row.block_hash,
        block_time=time,
        log_index=row.log_index,
        transaction=row.transaction_hash,
        transaction_index=row.transaction_index,
        contract=row.contract,
        event=row.event,
        topic0=row.topic0,
        data=row.args,
        position=row.position,
        listing=row.listing,
        licence=row.licence,
        arguments=arguments(event),
    )
