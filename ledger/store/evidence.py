"""Certificates that are kept, and those still to be captured.

A subject is to be certified as of each final block that changed it: one row each, written with the cursor
that says how far the index was read for them, so that none is passed over. Nodes forget old states: a row may
be answered by a later block than its own.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import String, func
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.evidence import EvidenceUnknown, Stored, Subject
from ledger.store.columns import Hash, Integer64, Table, Uint256
from ledger.store.index.tables import BlockRow, CursorRow, EntryRow

AT_ONCE: Final = 1000
"""Most blocks read in one transaction."""
PAYMENT_EVENTS: Final = frozenset({"Purchased", "Disputed", "Settled", "Refunded"})
LISTING_EVENTS: Final = frozenset(
    {
        "VersionPublished",
        "VersionWithdrawn",
        "Reclassified",
        "Delisted",
        "Frozen",
        "Unfrozen",
        "Transfer",
        "Attested",
        "Refused",
    }
)
"""After which a certificate of a payment, or of a listing's version, says something else."""


class EvidenceRow(Table, table=True):
    """`changed` is the block that changed the subject. What follows is NULL until it is captured."""

    __tablename__ = "evidence"

    kind: str = Field(primary_key=True, sa_type=String(16))
    id: int = Field(primary_key=True, sa_type=Uint256)
    version: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    changed: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    block: int | None = Field(default=None, sa_type=Integer64)
    digest: bytes | None = Field(default=None, sa_type=Hash, index=True)
    size: int | None = Field(default=None, sa_type=Integer64)


class EvidenceCursorRow(Table, table=True):
    """One row: the newest block whose entries were read."""

    __tablename__ = "evidence_cursor"

    id: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    block: int = Field(sa_type=Integer64)


@dataclass(frozen=True, slots=True)
class Due:
    """To be captured as of block `changed`; no log about it is older than block `since`."""

    subject: Subject
    changed: int
    block_hash: bytes
    since: int


class Evidence:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def plan(self) -> bool:
        """Writes down what the next final blocks of the index changed; whether there may be more."""
        final = (await self._session.exec(select(CursorRow.final_number))).one_or_none()
        cursor = await self._session.get(EvidenceCursorRow, 0, with_for_update=True)
        if final is None or (cursor is not None and cursor.block >= final):
            return False
        after = -1 if cursor is None else cursor.block
        first = select(func.min(EntryRow.block_number)).where(col(EntryRow.block_number) > after)
        oldest = (await self._session.exec(first)).one()
        until = final if oldest is None else min(final, max(oldest, after + 1) + AT_ONCE)
        within = col(EntryRow.block_number).between(after + 1, until)
        entries = select(EntryRow.block_number, EntryRow.event, EntryRow.listing, EntryRow.licence)
        found = (await self._session.exec(entries.where(within))).all()
        changes: dict[tuple[Subject, int], None] = {}
        for block, event, listing, licence in found:
            if licence is not None:
                changes[Subject("licence", licence), block] = None
                if event in PAYMENT_EVENTS:
                    changes[Subject("payment", licence), block] = None
            elif listing is not None and event in LISTING_EVENTS:
                for version in range(1, await self._versions(listing, block) + 1):
                    changes[Subject("listing", listing, version), block] = None
        self._session.add_all(
            EvidenceRow(kind=of.kind, id=of.id, version=of.version, changed=block) for of, block in changes
        )
        if cursor is None:
            self._session.add(EvidenceCursorRow(id=0, block=until))
        else:
            cursor.block = until
        return until < final

    async def due(self, limit: int) -> list[Due]:
        """What is not captured yet, the newest changes first."""
        missing = (
            select(EvidenceRow, BlockRow.hash)
            .join(BlockRow, col(BlockRow.number) == col(EvidenceRow.changed))
            .where(col(EvidenceRow.digest).is_(None))
            .order_by(col(EvidenceRow.changed).desc(), col(EvidenceRow.kind), col(EvidenceRow.id))
            .limit(limit)
        )
        return [
            Due(_subject(row), row.changed, block_hash, await self._first(row))
            for row, block_hash in (await self._session.exec(missing)).all()
        ]

    async def final(self) -> tuple[int, bytes]:
        """Number and hash of the newest final block of the index."""
        newest = select(BlockRow.number, BlockRow.hash).join(
            CursorRow, col(CursorRow.final_number) == col(BlockRow.number)
        )
        return (await self._session.exec(newest)).one()

    async def keep(self, subject: Subject, changed: int, stored: Stored) -> None:
        """The certificate that answers a change."""
        row = await self._session.get_one(EvidenceRow, (subject.kind, subject.id, subject.version, changed))
        row.block, row.digest, row.size = stored.block, stored.digest, stored.size

    async def newest(self, subject: Subject, *, least: int = 0, most: int | None = None) -> Stored:
        """The newest kept, as of a block within bounds. Raises EvidenceUnknown."""
        wanted = (
            select(EvidenceRow)
            .where(EvidenceRow.kind == subject.kind, EvidenceRow.id == subject.id)
            .where(EvidenceRow.version == subject.version, col(EvidenceRow.digest).is_not(None))
            .where(col(EvidenceRow.block) >= least)
            .order_by(col(EvidenceRow.block).desc())
            .limit(1)
        )
        if most is not None:
            wanted = wanted.where(col(EvidenceRow.block) <= most)
        row = (await self._session.exec(wanted)).one_or_none()
        if row is None or row.block is None or row.digest is None or row.size is None:
            raise EvidenceUnknown("no such certificate is kept, or none so early")
        return Stored(row.block, row.digest, row.size)

    async def _versions(self, listing: int, block: int) -> int:
        published = select(func.count()).where(
            EntryRow.listing == listing,
            EntryRow.event == "VersionPublished",
            col(EntryRow.block_number) <= block,
        )
        return int((await self._session.exec(published)).one())

    async def _first(self, row: EvidenceRow) -> int:
        """Block of the first entry about the subject."""
        about = EntryRow.listing == row.id if row.kind == "listing" else EntryRow.licence == row.id
        found = (await self._session.exec(select(func.min(EntryRow.block_number)).where(about))).one()
        return row.changed if found is None else int(found)


def _subject(row: EvidenceRow) -> Subject:
    return Subject(row.kind, row.id, row.version)
