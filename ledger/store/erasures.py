"""Requests for erasure, and what came of them."""

from sqlalchemy import Boolean, ForeignKey, LargeBinary, String, update
from sqlmodel import Field, col, delete, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.deposit import Payload
from ledger.domain.erasure import Erasure, ErasureDone, ErasureUnknown, PayloadWithdrawn
from ledger.store.columns import Address, Hash, Integer64, Table
from ledger.store.deposits import Deposits


class ErasureRow(Table, table=True):
    """`begun`: something may be destroyed already. The columns after it are empty until all is."""

    __tablename__ = "erasures"

    deposit: bytes = Field(primary_key=True, sa_type=Hash, sa_column_args=[ForeignKey("payloads.deposit")])
    root: bytes = Field(sa_type=Hash, unique=True)
    seller: bytes = Field(sa_type=Address, index=True)
    supervisor: bytes | None = Field(default=None, sa_type=Address)
    reason: str = Field(sa_type=String(64))
    asked_at: int = Field(sa_type=Integer64, index=True)
    begun: bool = Field(default=False, sa_type=Boolean)
    erased_at: int | None = Field(default=None, sa_type=Integer64)
    signature: bytes | None = Field(default=None, sa_type=LargeBinary)


class Erasures:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def payload(self, root: bytes) -> Payload:
        """Raises PayloadUnknown."""
        return await Deposits(self._session).payload(root)

    async def ask(self, erasure: Erasure) -> Erasure:
        """Asked again, the first request stands, and is returned; a supervisor's takes a seller's over, with
        its clock."""
        before = await self._session.get(ErasureRow, erasure.deposit, with_for_update=True)
        if before is not None:
            if before.supervisor is None and not before.begun and erasure.supervisor is not None:
                before.supervisor, before.reason = erasure.supervisor, erasure.reason
            return _erasure(before)
        self._session.add(
            ErasureRow(
                deposit=erasure.deposit,
                root=erasure.root,
                seller=erasure.seller,
                supervisor=erasure.supervisor,
                reason=erasure.reason,
                asked_at=erasure.asked_at,
            )
        )
        return erasure

    async def find(self, root: bytes) -> Erasure:
        """Raises ErasureUnknown."""
        row = (await self._session.exec(select(ErasureRow).where(ErasureRow.root == root))).one_or_none()
        if row is None:
            raise ErasureUnknown("nobody asked for the erasure of this payload")
        return _erasure(row)

    async def of(self, account: bytes) -> list[Erasure]:
        """Of its payloads, or asked for by it; the oldest first."""
        own = or_(ErasureRow.seller == account, ErasureRow.supervisor == account)
        statement = select(ErasureRow).where(own).order_by(col(ErasureRow.asked_at))
        return [_erasure(row) for row in await self._session.exec(statement)]

    async def take_back(self, root: bytes) -> None:
        """Raises ErasureDone when something may be destroyed already."""
        gone = await self._session.exec(
            delete(ErasureRow).where(col(ErasureRow.root) == root, col(ErasureRow.begun).is_(False))
        )
        if gone.rowcount != 1:
            raise ErasureDone("the keys are being destroyed, or are")

    async def waiting(self, until: int) -> list[Erasure]:
        """What is not done and was asked for no later than `until`."""
        statement = select(ErasureRow).where(
            col(ErasureRow.erased_at).is_(None), col(ErasureRow.asked_at) <= until
        )
        return [_erasure(row) for row in await self._session.exec(statement)]

    async def begin(self, deposit: bytes) -> bool:
        """From now on it cannot be taken back; False when it was."""
        begun = await self._session.exec(
            update(ErasureRow).where(col(ErasureRow.deposit) == deposit).values(begun=True)
        )
        return begun.rowcount == 1

    async def done(self, erasure: Erasure) -> None:
        """Puts the signed word on record, unless there is one, and forgets the wrapped key."""
        await self._session.exec(
            update(ErasureRow)
            .where(col(ErasureRow.deposit) == erasure.deposit, col(ErasureRow.erased_at).is_(None))
            .values(erased_at=erasure.erased_at, signature=erasure.signature)
        )
        await Deposits(self._session).forget_key(erasure.deposit)

    async def check_kept(self, deposit: bytes) -> None:
        """Raises PayloadWithdrawn."""
        if await self._session.get(ErasureRow, deposit) is not None:
            raise PayloadWithdrawn("the payload's erasure was asked for")


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(
        deposit=row.deposit,
        root=row.root,
        seller=row.seller,
        reason=row.reason,
        asked_at=row.asked_at,
        erased_at=row.erased_at,
        signature=row.signature,
        supervisor=row.supervisor,
    )
