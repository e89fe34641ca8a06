"""The market as it was after any block: a replay from the newest state kept before it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row

from ledger.chain.bindings import CONTRACTS
from ledger.chain.events import Entry, EntryId
from ledger.chain.manifest import Manifest
from ledger.domain.history import AsOf
from ledger.indexer.replay import apply
from ledger.indexer.state import State
from ledger.store.index.history import IndexHistory

EVERY: Final = 5000
"""Entries replayed, after which a state is kept: how far at most the next must be replayed."""
MOST: Final = 8
"""States kept. Beyond, every other goes, and they are the farther apart. They share all rows."""


class Past:
    """Of one index. One caller at a time."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._kept: dict[int, tuple[bytes, State]] = {}
        """By block, with its hash."""
        self._since, self._last = 0, b""
        """Entries replayed since a state was kept, and the hash of the last one's block."""

    async def after(self, index: IndexHistory, block: AsOf) -> State:
        """After a final block that the index holds. Not to be written to."""
        number, state = await self._nearest(index, block.number)
        if number < block.number:
            self._since = 0
            async for some in index.replayed(number + 1, block.number):
                await asyncio.to_thread(self._apply, state, some)
            self._keep(block.number, block.hash, state)
        return state

    async def _nearest(self, index: IndexHistory, upto: int) -> tuple[int, State]:
        for number in sorted((one for one in self._kept if one <= upto), reverse=True):
            named, state = self._kept[number]
            block = await index.block(number)
            if block is not None and block.hash == named:
                return number, state if number == upto else state.copy()
            del self._kept[number]  # of an index that was
        return -1, State()

    def _apply(self, state: State, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            if self._since >= EVERY and row.block_number > state.place[0]:
                self._keep(state.place[0], self._last, state.copy())
                self._since = 0
            event = CONTRACTS[row.contract].events[row.topic0].from_journal(row.args)
            emitter = self._manifest.address(row.contract)
            of = EntryId(row.chain_id, row.block_hash, row.transaction_hash, row.log_index, emitter)
            entry = Entry(of, row.block_number, row.transaction_index, row.contract, event, row.args)
            apply(state, entry, row.time)
            self._since, self._last = self._since + 1, row.block_hash

    def _keep(self, number: int, named: bytes, state: State) -> None:
        self._kept[number] = (named, state)
        if len(self._kept) > MOST:
            for other in sorted(self._kept)[-2::-2]:
                del self._kept[other]
