"""Ciphertext that arrives in sections, each of which can be taken up again where it was cut.

A section is a range of the ciphertext that begins at a block. One section may be all of it; several may
arrive at once. What has arrived is kept in parts of whole blocks, so that nothing is hashed twice: a cut
costs less than one block, and a kill of the service less than one part. When the last byte of the last
section is there, the parts are joined into the deposit's object.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol, Self
from weakref import WeakValueDictionary

from ledger.crypto.chunked import HEADER, SEALED_BLOCK, plaintext_size
from ledger.crypto.merkle import RootBuilder, leaf_count, leaf_hash, leaf_range
from ledger.crypto.verified import LEAF
from ledger.domain.deposit import Deposit, DepositTaken, Upload
from ledger.domain.upload import ChecksumMismatch, OffsetMismatch, Part, Section, SectionMisplaced
from ledger.objects.port import ObjectError, ObjectStore, ObjectWriter
from ledger.services.deposits import PARTS, Terms, check_room, ciphertext_name, delete_all
from ledger.services.pace import paced
from ledger.services.ports import Begin

PART_BLOCKS: Final = 64
"""Most blocks in a part: 64 MiB."""


class Sections(Protocol):
    async def open(self, section: Section, seller: bytes) -> None: ...
    async def find(self, section_id: bytes, seller: bytes) -> Section: ...
    async def of(self, deposit_id: bytes) -> Sequence[Section]: ...
    async def add(self, section_id: bytes, part: Part) -> None: ...
    async def close(self, section_id: bytes) -> Sequence[str]: ...


class UploadStore(Protocol):
    @property
    def sections(self) -> Sections: ...
    async def find(self, deposit_id: bytes, seller: bytes) -> Deposit: ...
    async def used(self, seller: bytes) -> int: ...
    async def receive(self, deposit_id: bytes, upload: Upload) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Uploads:
    terms: Terms
    write: Begin[UploadStore]
    read: Begin[UploadStore]
    objects: ObjectStore
    joining: WeakValueDictionary[bytes, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def open(self, deposit_id: bytes, seller: bytes, *, start: int, size: int, total: int) -> Section:
        """A place for the bytes [start, start + size) of `total`, or the one there is; all sections name the
        same total.

        Raises DepositUnknown, DepositTaken, Truncated (no ciphertext has that total), SectionMisplaced,
        UploadTooLarge, QuotaExceeded.
        """
        plaintext_size(total)
        end = start + size
        if start not in _boundaries(total, start) or end not in _boundaries(total, end) or end <= start:
            raise SectionMisplaced("a section begins at a block and ends before one, or at the end")
        section = Section(secrets.token_bytes(16), deposit_id, start, size, total)
        async with self.write() as store:
            deposit = await store.find(deposit_id, seller)
            if deposit.upload is not None:
                raise DepositTaken("the deposit has its ciphertext already")
            others = await store.sections.of(deposit_id)
            for other in others:
                if (other.start, other.size, other.total) == (start, size, total):
                    section = other
                    break
                if other.total != total:
                    raise SectionMisplaced("the other sections are of another total")
                if other.start < end and start < other.start + other.size:
                    raise SectionMisplaced("another section has some of these bytes")
            else:
                check_room(self.terms, total, await store.used(seller) - sum(other.size for other in others))
                await store.sections.open(section, seller)
        await self._join(section, seller)
        return section

    async def find(self, section_id: bytes, seller: bytes) -> Section:
        """Raises DepositUnknown."""
        async with self.read() as store:
            return await store.sections.find(section_id, seller)

    async def append(
        self,
        section_id: bytes,
        seller: bytes,
        offset: int,
        body: AsyncIterable[bytes],
        sha256: bytes | None = None,
    ) -> Section:
        """Takes what `body` has, from `offset` of the section on; keeps the whole blocks of what arrived also
        when it is cut. With `sha256`, of the body, it keeps all of them or none.

        Raises DepositUnknown, OffsetMismatch, ChecksumMismatch, UploadTooSlow, or what `body` raises.
        """
        section = await self.find(section_id, seller)
        if offset != section.offset:
            raise OffsetMismatch(section.offset)
        taken = paced(body, self.terms.upload_rate, self.terms.upload_window)
        try:
            await self._take(
                section, taken if sha256 is None else _checked(taken, sha256), whole=sha256 is not None
            )
        finally:
            section = await self.find(section_id, seller)
            await self._join(section, seller)
        return section

    async def terminate(self, section_id: bytes, seller: bytes) -> None:
        """Gives up a section that has not arrived whole. Raises DepositUnknown."""
        async with self.write() as store:
            await store.sections.find(section_id, seller)
            parts = await store.sections.close(section_id)
        await delete_all(self.objects, parts)

    async def _take(self, section: Section, body: AsyncIterator[bytes], *, whole: bool) -> None:
        """Cuts the body into blocks, and writes them into parts."""
        index = block_at(section.start + section.offset)
        held, left = bytearray(), section.size - section.offset
        async with _Parts(self, section, whole=whole) as parts:
            async for piece in body:
                if len(piece) > left:
                    raise OffsetMismatch(section.size)
                left -= len(piece)
                held += piece
                while held:
                    start, end = leaf_range(index, section.total)
                    if len(held) < end - start:
                        break
                    await parts.add(index, bytes(memoryview(held)[: end - start]))
                    del held[: end - start]
                    index += 1

    async def _join(self, section: Section, seller: bytes) -> None:
        """Makes the deposit's object once every section is complete; of several at once one does.

        Also when a section is opened again, since a kill may have come before.
        """
        if section.complete:
            async with self.joining.setdefault(section.deposit, asyncio.Lock()):
                await self._join_all(section.deposit, seller)

    async def _join_all(self, deposit_id: bytes, seller: bytes) -> None:
        async with self.read() as store:
            deposit, sections = await store.find(deposit_id, seller), await store.sections.of(deposit_id)
        parts = sorted((part for section in sections for part in section.parts), key=lambda part: part.start)
        if deposit.upload is not None or sum(part.size for part in parts) < sections[0].total:
            return
        leaves, tree = b"".join(part.leaves for part in parts), RootBuilder()
        for at in range(0, len(leaves), LEAF):
            tree.append(leaves[at : at + LEAF])
        assert tree.size == leaf_count(sections[0].total)  # noqa: S101
        name = ciphertext_name(tree.root(), deposit_id)
        async with await self.objects.create() as writer:
            for part in parts:
                async for piece in self.objects.read(part.object):
                    await writer.write(piece)
            await writer.write(leaves)
            await writer.commit(name)
        upload = Upload(name, tree.root(), sections[0].total, parts[0].header)
        try:
            async with self.write() as store:
                parts_left = await store.receive(deposit_id, upload)
        except DepositTaken:  # another request was first
            await self.objects.delete(name)
            return
        except BaseException:
            await self.objects.delete(name)
            raise
        await delete_all(self.objects, parts_left)


class _Parts:
    """Blocks in, parts of up to `PART_BLOCKS` out. What was written is kept, however it ends; with `whole`
    only when all of it went well."""

    def __init__(self, uploads: Uploads, section: Section, *, whole: bool) -> None:
        self._uploads, self._section, self._whole = uploads, section, whole
        self._writer: ObjectWriter | None = None
        self._written: list[Part] = []

    async def __aenter__(self) -> Self:
        return self

    async def add(self, index: int, block: bytes) -> None:
        if self._writer is None:
            self._writer = await self._uploads.objects.create()
            self._start = leaf_range(index, self._section.total)[0]
            self._header, self._leaves = block[:HEADER] if index == 0 else b"", bytearray()
        await self._writer.write(block)
        self._leaves += await asyncio.to_thread(leaf_hash, block)
        if len(self._leaves) == PART_BLOCKS * LEAF:
            await self._write()

    async def _write(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        name = f"{PARTS}/{self._section.deposit.hex()}/{secrets.token_hex(16)}"
        async with writer:
            await writer.commit(name)
        self._written.append(Part(self._start, writer.size, name, self._header, bytes(self._leaves)))
        if not self._whole:
            await self._keep()

    async def _keep(self) -> None:
        try:
            async with self._uploads.write() as store:
                for part in self._written:
                    await store.sections.add(self._section.id, part)
        except BaseException:
            await self._drop()
            raise
        self._written = []

    async def _drop(self) -> None:
        await delete_all(self._uploads.objects, [part.object for part in self._written])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ObjectError) or (self._whole and error is not None):
            if self._writer is not None:
                await self._writer.abort()
            await self._drop()
        else:
            await self._write()
            await self._keep()


async def _checked(body: AsyncIterable[bytes], sha256: bytes) -> AsyncIterator[bytes]:
    """Raises ChecksumMismatch at the end."""
    seen = hashlib.sha256()
    async for piece in body:
        seen.update(piece)
        yield piece
    if seen.digest() != sha256:
        raise ChecksumMismatch("what arrived has another SHA-256 than its sender says")


def block_at(position: int) -> int:
    """The block that has the byte at `position`."""
    return max(position - HEADER, 0) // SEALED_BLOCK


def _boundaries(total: int, position: int) -> set[int]:
    """The ends of the block that has the byte at `position`, and the end of it all."""
    return {total, *leaf_range(block_at(position), total)} if 0 <= position < total else {total}
