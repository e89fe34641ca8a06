"""Samples by their SHA-256."""

from sqlalchemy import LargeBinary, String, func
from sqlmodel import Field, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.sample import Sample
from ledger.store.columns import Address, Hash, Integer64, Table


class SampleUnknown(Exception):
    """There is no sample of this hash."""


class SampleRow(Table, table=True):
    """`account`: who sent it first."""

    __tablename__ = "samples"

    sha256: bytes = Field(primary_key=True, sa_type=Hash)
    content: bytes = Field(sa_type=LargeBinary)
    media_type: str = Field(sa_type=String(127))
    account: bytes = Field(sa_type=Address, index=True)
    stored_at: int = Field(sa_type=Integer64)


class Samples:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, account: bytes) -> int:
        """How many the account has sent."""
        statement = select(func.count()).select_from(SampleRow).where(SampleRow.account == account)
        return (await self._session.exec(statement)).one()

    async def keep(self, sample: Sample, content: bytes, *, account: bytes, now: int) -> Sample:
        """What is kept: of several under one hash the first."""
        row = await self._session.get(SampleRow, sample.sha256)
        if row is not None:
            return Sample(row.sha256, len(row.content), row.media_type)
        self._session.add(
            SampleRow(
                sha256=sample.sha256,
                content=content,
                media_type=sample.media_type,
                account=account,
                stored_at=now,
            )
        )
        return sample

    async def find(self, sha256: bytes) -> tuple[Sample, bytes]:
        """With its content. Raises SampleUnknown."""
        row = await self._session.get(SampleRow, sha256)
        if row is None:
            raise SampleUnknown("there is no sample of this hash")
        return Sample(row.sha256, len(row.content), row.media_type), row.content

    async def owner(self, sha256: bytes) -> bytes:
        """Who sent it. Raises SampleUnknown."""
        statement = select(SampleRow.account).where(SampleRow.sha256 == sha256)
        account = (await self._session.exec(statement)).one_or_none()
        if account is None:
            raise SampleUnknown("there is no sample of this hash")
        return account

    async def delete(self, sha256: bytes) -> None:
        """Again is no error."""
        await self._session.exec(delete(SampleRow).where(col(SampleRow.sha256) == sha256))
