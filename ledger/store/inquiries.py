"""Who looked at the history, and at what: what opens the commitments in the access log (R34)."""

import json

from sqlalchemy import Text
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.history import Inquiry
from ledger.proofs import access, canonical
from ledger.store.access_log import AccessLog
from ledger.store.columns import Address, Bytes, Integer64, Table


class InquiryId(Bytes):
    """16 random bytes."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(16)


class InquiryRow(Table, table=True):
    """Never changed; deleted when its time is over. `leaf`: index of its entry in the access log;
    `parameters` in canonical JSON."""

    __tablename__ = "inquiries"

    id: bytes = Field(primary_key=True, sa_type=InquiryId)
    at: int = Field(sa_type=Integer64, index=True)
    account: bytes = Field(sa_type=Address, index=True)
    role: str
    view: str
    parameters: str = Field(sa_type=Text)
    leaf: int = Field(sa_type=Integer64)


class Inquiries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._log = AccessLog(session)

    async def every(self) -> list[tuple[Inquiry, int]]:
        """Each inquiry with its entry in the access log."""
        rows = await self._session.exec(select(InquiryRow).order_by(col(InquiryRow.leaf)))
        return [
            (Inquiry(row.id, row.at, row.account, row.role, row.view, json.loads(row.parameters)), row.leaf)
            for row in rows
        ]

    async def add(self, inquiry: Inquiry) -> None:
        """Keeps the inquiry, and its leaf in the access log."""
        leaf = await self._log.append(access.inquiry_leaf(inquiry))
        self._session.add(
            InquiryRow(
                id=inquiry.id,
                at=inquiry.at,
                account=inquiry.account,
                role=inquiry.role,
                view=inquiry.view,
                parameters=canonical.dumps(dict(inquiry.parameters)).decode(),
                leaf=leaf,
            )
        )
