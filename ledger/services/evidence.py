"""Certificates that were captured when their block became final, for anybody."""

from dataclasses import dataclass
from typing import Protocol

from ledger.domain.evidence import Stored, Subject
from ledger.objects import ObjectStore
from ledger.services.ports import Begin


class EvidenceStore(Protocol):
    async def newest(self, subject: Subject, *, most: int | None) -> Stored:
        """Raises EvidenceUnknown."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """`trust` is the trust file that this exchange publishes: its own word about itself. `url`: where the
    service answers."""

    read: Begin[EvidenceStore]
    objects: ObjectStore
    trust: bytes
    url: str

    async def newest(self, subject: Subject, most: int | None) -> Stored:
        """The newest that is kept, as of block `most` at the latest. Raises EvidenceUnknown."""
        async with self.read() as rows:
            return await rows.newest(subject, most=most)

    async def bundle(self, stored: Stored) -> bytes:
        """The file."""
        return b"".join([bytes(piece) async for piece in self.objects.read(stored.name)])
