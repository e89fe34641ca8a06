"""Metadata documents by their hash."""

import json

from sqlalchemy import LargeBinary, PrimaryKeyConstraint
from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.dcat import words_of
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


class WordRow(Table, table=True):
    """A word that a document is found by, in UTF-8: bytes are in the same order on every database."""

    __tablename__ = "document_words"
    __table_args__ = (PrimaryKeyConstraint("word", "document"),)

    word: bytes = Field(sa_type=LargeBinary)
    document: bytes = Field(sa_type=Hash)


class Documents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def keep(self, document: Document, *, account: bytes, now: int) -> None:
        """Keeping what is kept changes nothing."""
        if await self._session.get(DocumentRow, document.hash) is None:
            self._session.add(
                DocumentRow(hash=document.hash, canonical=document.canonical, account=account, stored_at=now)
            )
            for word in words_of(json.loads(document.canonical)):
                self._session.add(WordRow(word=word.encode(), document=document.hash))

    async def find(self, digest: bytes) -> Document:
        """Raises DocumentUnknown."""
        row = await self._session.get(DocumentRow, digest)
        if row is None:
            raise DocumentUnknown("there is no document of this hash")
        return Document(row.hash, row.canonical)
