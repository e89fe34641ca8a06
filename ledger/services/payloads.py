"""Ciphertext for anybody: what the vault holds, by its root."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from ledger.crypto.merkle import leaf_count
from ledger.crypto.verified import LEAF
from ledger.domain.deposit import Payload
from ledger.objects.port import ObjectStore
from ledger.services.ports import Begin


class PayloadStore(Protocol):
    async def payload(self, root: bytes) -> Payload: ...


@dataclass(frozen=True, slots=True)
class Payloads:
    read: Begin[PayloadStore]
    objects: ObjectStore

    async def find(self, root: bytes) -> Payload:
        """Raises PayloadUnknown."""
        async with self.read() as payloads:
            return await payloads.payload(root)

    async def stream(self, payload: Payload, start: int, end: int) -> AsyncIterator[memoryview]:
        """The ciphertext bytes [start, end) in large pieces."""
        async for piece in self.objects.read(payload.object, start, end):
            yield memoryview(piece)

    async def leaves(self, payload: Payload) -> bytes:
        """The leaf list: 32 bytes for each block. See `ledger.crypto.verified`."""
        end = payload.size + leaf_count(payload.size) * LEAF
        pieces = self.objects.read(payload.object, payload.size, end)
        return b"".join([bytes(piece) async for piece in pieces])
