"""Ciphertext for anybody: what the vault holds, by its root."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

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
