"""Ciphertext for anybody: what the vault holds, by its root."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from ledger.crypto.merkle import Tree, leaf_count
from ledger.crypto.verified import LEAF
from ledger.domain.deposit import Payload
from ledger.objects.port import ObjectStore
from ledger.proofs import access
from ledger.services.ports import Begin, Clock


class PayloadStore(Protocol):
    async def payload(self, root: bytes) -> Payload: ...


class DownloadLog(Protocol):
    async def append(self, data: bytes) -> int: ...


@dataclass(frozen=True, slots=True)
class Payloads:
    read: Begin[PayloadStore]
    log: Begin[DownloadLog]
    objects: ObjectStore
    clock: Clock
    sign_seconds: int
    """How long a signed address is good for; 0 gives none."""

    async def find(self, root: bytes) -> Payload:
        """Raises PayloadUnknown."""
        async with self.read() as payloads:
            return await payloads.payload(root)

    async def stream(self, payload: Payload, start: int, end: int) -> AsyncIterator[memoryview]:
        """The ciphertext bytes [start, end) in pieces, once the access log has the download."""
        await self._log(payload, start, end)
        async for piece in self.objects.read(payload.object, start, end):
            yield memoryview(piece)

    async def file(self, payload: Payload, start: int, end: int) -> BinaryIO | None:
        """The file that begins with the ciphertext, to send [start, end) of it, once the access log has the
        download; None when the store has no files."""
        file = await self.objects.file(payload.object)
        if file is not None:
            try:
                await self._log(payload, start, end)
            except BaseException:
                file.close()
                raise
        return file

    async def elsewhere(self, payload: Payload, start: int, end: int) -> str | None:
        """Where the store itself gives the ciphertext bytes [start, end) to whoever asks for just these, once
        the access log has the download; None when they go through the vault."""
        if not self.sign_seconds:
            return None
        url = await self.objects.signed_url(payload.object, self.sign_seconds)
        if url is not None:
            await self._log(payload, start, end)
        return url

    async def _log(self, payload: Payload, start: int, end: int) -> None:
        async with self.log() as log:
            await log.append(access.download_leaf(int(self.clock()), payload.root, start, end))

    async def proof(self, payload: Payload, index: int) -> list[bytes]:
        """The RFC 6962 inclusion proof of a block. Raises LeafOutOfRange."""
        leaves = await self.leaves(payload)

        def prove() -> list[bytes]:
            return Tree(leaves[at : at + LEAF] for at in range(0, len(leaves), LEAF)).inclusion_proof(index)

        return await asyncio.to_thread(prove)

    async def leaves(self, payload: Payload) -> bytes:
        """The leaf list: 32 bytes for each block. See `ledger.crypto.verified`."""
        end = payload.size + leaf_count(payload.size) * LEAF
        pieces = self.objects.read(payload.object, payload.size, end)
        return b"".join([bytes(piece) async for piece in pieces])
