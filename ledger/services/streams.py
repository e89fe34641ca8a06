"""Plaintext for a licence's holder, decrypted by the vault as it goes, under plans that allow it (R16).

The right is looked at again while the stream lasts: a revocation ends it within `check_seconds` of its block.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from ledger.crypto.chunked import BLOCK, HEADER, Message, plaintext_size
from ledger.crypto.merkle import leaf_count, leaf_range
from ledger.objects.port import ObjectStore
from ledger.services.grants import REFUSALS, Grants, Unlocked
from ledger.services.ports import Clock

PURPOSE: Final = "stream"


class StreamEnded(Exception):
    """The right to it ended, or cannot be told any more, while it was read."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A payload that may be read in the clear; `size` in plaintext bytes."""

    unlocked: Unlocked
    size: int
    message: Message = field(repr=False)


@dataclass(frozen=True, slots=True)
class Streams:
    """`clock` in seconds, never going back."""

    grants: Grants
    objects: ObjectStore
    clock: Clock
    check_seconds: float

    async def open(self, licence: int, account: bytes, repeat: str | None) -> Stream:
        """Raises one of `ledger.services.grants.REFUSALS`; CommitmentMismatch."""
        unlocked, data_key = await self.grants.unlock(licence, account, PURPOSE, repeat)
        header = await self._bytes(unlocked, 0, HEADER)
        message = Message.unlock(data_key, unlocked.encryption.payload_context(), header)
        return Stream(unlocked, plaintext_size(unlocked.payload.size), message)

    async def read(self, stream: Stream, start: int, end: int) -> AsyncIterator[bytes]:
        """The plaintext bytes [start, end), by blocks. Raises StreamEnded, ChunkTampered."""
        total = stream.unlocked.payload.size
        last, checked = leaf_count(total) - 1, self.clock()
        for index in range(start // BLOCK, (end - 1) // BLOCK + 1 if end > start else 0):
            if self.clock() - checked >= self.check_seconds:
                try:
                    await self.grants.still(stream.unlocked)
                except tuple(REFUSALS) as refusal:
                    raise StreamEnded(REFUSALS[type(refusal)]) from refusal
                checked = self.clock()
            block = await self._bytes(stream.unlocked, *leaf_range(index, total))
            plain = await asyncio.to_thread(stream.message.open_block, index, block, last=index == last)
            first = index * BLOCK
            yield bytes(plain[max(start - first, 0) : end - first])

    async def _bytes(self, unlocked: Unlocked, start: int, end: int) -> bytes:
        pieces = self.objects.read(unlocked.payload.object, start, end)
        return b"".join([bytes(piece) async for piece in pieces])
