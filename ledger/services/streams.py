"""Plaintext for a licence's holder, decrypted by the vault as it goes, under plans that allow it (R16).

The right is looked at again while the stream lasts: a revocation ends it within `check_seconds` of its block.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from ledger.crypto.chunked import BLOCK, HEADER, plaintext_size
from ledger.crypto.merkle import leaf_count, leaf_range
from ledger.crypto.message import Message
from ledger.crypto.stream import Decryptor
from ledger.objects.port import ObjectStore
from ledger.services.grants import REFUSALS, Grants, Unlocked
from ledger.services.ports import Clock
from ledger.tasks import ahead

PURPOSE: Final = "stream"


class StreamEnded(Exception):
    """The right to it ended, or cannot be told any more, while it was read."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A payload that may be read in the clear; `size` in plaintext bytes."""

    unlocked: Unlocked
    size: int
    data_key: bytes = field(repr=False)
    message: Message


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
        return Stream(unlocked, plaintext_size(unlocked.payload.size), data_key, message)

    async def read(self, stream: Stream, start: int, end: int) -> AsyncIterator[memoryview]:
        """The plaintext bytes [start, end), in large pieces. Raises StreamEnded, ChunkTampered."""
        if start == end:
            return
        first, last = start // BLOCK, (end - 1) // BLOCK
        opened = self._from_block(stream, first, last) if first else self._from_start(stream, last)
        at, checked = first * BLOCK, self.clock()
        async with aclosing(ahead(opened)) as pieces:
            async for plain in pieces:
                if self.clock() - checked >= self.check_seconds:
                    try:
                        await self.grants.still(stream.unlocked)
                    except tuple(REFUSALS) as refusal:
                        raise StreamEnded(REFUSALS[type(refusal)]) from refusal
                    checked = self.clock()
                yield memoryview(plain)[max(start - at, 0) : end - at]
                at += len(plain)

    async def _from_start(self, stream: Stream, last: int) -> AsyncGenerator[bytearray, None]:
        """The plaintext of the blocks up to `last`, in one go."""
        payload = stream.unlocked.payload
        decryptor = Decryptor(
            stream.data_key, stream.unlocked.encryption.payload_context(), size=payload.size
        )
        end = leaf_range(last, payload.size)[1]
        async for piece in self.objects.read(payload.object, 0, end):
            yield decryptor.update(memoryview(piece))  # to a thread and back would take longer
        if end == payload.size:
            yield decryptor.finish()

    async def _from_block(self, stream: Stream, first: int, last: int) -> AsyncGenerator[bytearray, None]:
        """The plaintext of the blocks from `first` to `last`, each by itself."""
        total = stream.unlocked.payload.size
        for index in range(first, last + 1):
            block = await self._bytes(stream.unlocked, *leaf_range(index, total))
            ends = index == leaf_count(total) - 1
            yield await asyncio.to_thread(stream.message.open_block, index, block, last=ends)

    async def _bytes(self, unlocked: Unlocked, start: int, end: int) -> bytes:
        pieces = self.objects.read(unlocked.payload.object, start, end)
        return b"".join([bytes(piece) async for piece in pieces])
