"""Metadata documents by their hash."""

from sqlalchemy import LargeBinary
from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.document import Document
from ledger.store.columns import Address, Hash, Integer64, Table


class DocumentUnknown(Exception):
    """There is no document of this hash."""


class DocumentRow(Table, table=True):
    __tablename__ = "documents"

    hash: bytes = Field(primary_key=True, sa_type=Hash)
    canonical: bytes = Field(sa_type=LargeBinary)
    account: bytes = Field(sa_type=Address, index=True)
    stored_at: int = Field(sa_type=Integer64)


class Documents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def keep(self, document: Document, *, account: bytes, now: int) -> None:
        """Keeping what is kept changes nothing."""
        if await self._session.get(DocumentRow, document.hash) is None:
            self._session.add(
                DocumentRow(hash=document.hash, canonical=document.canonical, account=account, stored_at=now)
            )

    async def find(self, digest: bytes) -> Document:
        """Raises DocumentUnknown."""
        row = await self._session.get(DocumentRow, digest)
        if row is None:
            raise DocumentUnknown("there is no document of this hash")
        return Document(row.hash, row.canonical)
