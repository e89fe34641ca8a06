"""Metadata documents, which the chain names by their hash."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.document import Document, read
from ledger.services.ports import Begin, Clock


class DocumentTooLarge(Exception):
    """The document is larger than any may be."""


class WrongHash(Exception):
    """The document has another hash than its address says."""


class DocumentStore(Protocol):
    async def keep(self, document: Document, *, account: bytes, now: int) -> None: ...
    async def find(self, digest: bytes) -> Document: ...


@dataclass(frozen=True, slots=True)
class Metadata:
    """`largest` in bytes, as sent and in canonical form."""

    write: Begin[DocumentStore]
    read: Begin[DocumentStore]
    clock: Clock
    largest: int

    async def keep(self, digest: bytes, account: bytes, body: AsyncIterable[bytes]) -> Document:
        """Raises DocumentTooLarge, BadDocument, WrongHash."""
        raw = bytearray()
        async for piece in body:
            raw += piece
            self._check(len(raw))
        document = read(bytes(raw))
        self._check(len(document.canonical))
        if document.hash != digest:
            raise WrongHash(f"the document has the hash 0x{document.hash.hex()}")
        async with self.write() as documents:
            await documents.keep(document, account=account, now=int(self.clock()))
        return document

    async def find(self, digest: bytes) -> Document:
        async with self.read() as documents:
            return await documents.find(digest)

    def _check(self, size: int) -> None:
        if size > self.largest:
            raise DocumentTooLarge(f"a metadata document has at most {self.largest} bytes")
