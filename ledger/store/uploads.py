"""Sections of ciphertext that have not arrived whole, and their parts."""

from sqlalchemy import ForeignKey, LargeBinary, String, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.deposit import DepositUnknown
from ledger.domain.upload import OffsetMismatch, Part, Section
from ledger.store.columns import Address, Bytes, Hash, Integer64, Table


class SectionId(Bytes):
    """16 bytes."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(16)


class SectionRow(Table, table=True):
    __tablename__ = "upload_sections"

    id: bytes = Field(primary_key=True, sa_type=SectionId)
    deposit: bytes = Field(sa_type=Hash, index=True, sa_column_args=[ForeignKey("deposits.id")])
    seller: bytes = Field(sa_type=Address, index=True)
    start: int = Field(sa_type=Integer64)
    size: int = Field(sa_type=Integer64)
    total: int = Field(sa_type=Integer64)


class PartRow(Table, table=True):
    """The key lets one of several requests for the same bytes succeed."""

    __tablename__ = "upload_parts"

    section: bytes = Field(
        primary_key=True, sa_type=SectionId, sa_column_args=[ForeignKey("upload_sections.id")]
    )
    start: int = Field(primary_key=True, sa_type=Integer64)
    size: int = Field(sa_type=Integer64)
    object: str = Field(sa_type=String(200))
    header: bytes = Field(sa_type=LargeBinary)
    leaves: bytes = Field(sa_type=LargeBinary)


class Sections:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, section: Section, seller: bytes) -> None:
        self._session.add(
            SectionRow(
                id=section.id,
                deposit=section.deposit,
                seller=seller,
                start=section.start,
                size=section.size,
                total=section.total,
            )
        )

    async def find(self, section_id: bytes, seller: bytes) -> Section:
        """The seller's own section. Raises DepositUnknown."""
        row = await self._session.get(SectionRow, section_id)
        if row is None or row.seller != seller:
            raise DepositUnknown("there is no such upload of this account")
        return await self._read(row)

    async def of(self, deposit_id: bytes) -> list[Section]:
        """All of a deposit's, in order."""
        rows = await self._session.exec(
            select(SectionRow).where(SectionRow.deposit == deposit_id).order_by(col(SectionRow.start))
        )
        return [await self._read(row) for row in rows.all()]

    async def reserved(self, seller: bytes) -> int:
        """Bytes that the account's sections are for."""
        statement = select(func.coalesce(func.sum(col(SectionRow.size)), 0)).where(
            SectionRow.seller == seller
        )
        return int((await self._session.exec(statement)).one() or 0)

    async def add(self, section_id: bytes, part: Part) -> None:
        """Of several requests for the same bytes one succeeds, the others get OffsetMismatch."""
        self._session.add(
            PartRow(
                section=section_id,
                start=part.start,
                size=part.size,
                object=part.object,
                header=part.header,
                leaves=part.leaves,
            )
        )
        try:
            await self._session.flush()
        except IntegrityError as error:
            raise OffsetMismatch(part.size) from error

    async def drop(self, deposit_id: bytes) -> list[str]:
        """Forgets a deposit's sections; gives the objects of their parts, which nothing names any more."""
        ids = await self._session.exec(select(SectionRow.id).where(SectionRow.deposit == deposit_id))
        return await self._forget(list(ids.all()))

    async def close(self, section_id: bytes) -> list[str]:
        """Like `drop`, for one section."""
        return await self._forget([section_id])

    async def _forget(self, ids: list[bytes]) -> list[str]:
        parts = col(PartRow.section).in_(ids)
        objects = list((await self._session.exec(select(PartRow.object).where(parts))).all())
        await self._session.exec(delete(PartRow).where(parts))
        await self._session.exec(delete(SectionRow).where(col(SectionRow.id).in_(ids)))
        return objects

    async def _read(self, row: SectionRow) -> Section:
        parts = await self._session.exec(
            select(PartRow).where(PartRow.section == row.id).order_by(col(PartRow.start))
        )
        return Section(
            id=row.id,
            deposit=row.deposit,
            start=row.start,
            size=row.size,
            total=row.total,
            parts=tuple(
                Part(part.start, part.size, part.object, part.header, part.leaves) for part in parts.all()
            ),
        )
