"""Records whose time is over."""

from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.proofs import access
from ledger.store.access_log import AccessLog
from ledger.store.grants import GrantRow
from ledger.store.inquiries import InquiryRow


class Retention:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def forget(self, before: int, now: int) -> int:
        """Deletes answers and inquiries of before that time, and says so in the access log; how many."""
        grants = await self._session.exec(delete(GrantRow).where(col(GrantRow.at) < before))
        inquiries = await self._session.exec(delete(InquiryRow).where(col(InquiryRow.at) < before))
        if forgotten := grants.rowcount + inquiries.rowcount:
            await AccessLog(self._session).append(access.retention_leaf(now, before))
        return forgotten
