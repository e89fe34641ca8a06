"""The keys that accounts want data keys sealed to."""

from sqlalchemy import LargeBinary, String
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.crypto.seal import Suite
from ledger.domain.encryption_key import EncryptionKey, KeyUnregistered, Registered, RegistrationStale
from ledger.store.columns import Address, Integer64, Table


class EncryptionKeyRow(Table, table=True):
    """The newest of an account and suite. A revoked one stays, so that its signature cannot be used again."""

    __tablename__ = "encryption_keys"

    account: bytes = Field(primary_key=True, sa_type=Address)
    suite: str = Field(primary_key=True, sa_type=String(32))
    public_key: bytes = Field(sa_type=LargeBinary)
    sequence: int = Field(sa_type=Integer64)
    deadline: int = Field(sa_type=Integer64)
    signature: bytes = Field(sa_type=LargeBinary)
    registered_at: int = Field(sa_type=Integer64)
    revoked_at: int | None = Field(default=None, sa_type=Integer64)


class EncryptionKeys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def register(self, suite: Suite, registered: Registered) -> None:
        """Raises RegistrationStale unless its sequence is higher than any of the account and suite before."""
        key = registered.key
        before = await self._session.get(EncryptionKeyRow, (key.account, suite.name), with_for_update=True)
        if before is not None and key.sequence <= before.sequence:
            raise RegistrationStale(f"the next sequence is at least {before.sequence + 1}")
        row = EncryptionKeyRow(
            account=key.account,
            suite=suite.name,
            public_key=key.public_key,
            sequence=key.sequence,
            deadline=key.deadline,
            signature=registered.signature,
            registered_at=registered.registered_at,
        )
        await self._session.merge(row)

    async def of(self, account: bytes) -> list[Registered]:
        statement = (
            select(EncryptionKeyRow)
            .where(EncryptionKeyRow.account == account)
            .order_by(col(EncryptionKeyRow.suite))
        )
        return [_registered(row) for row in await self._session.exec(statement)]

    async def check(self, account: bytes, public_key: bytes) -> None:
        """Raises KeyUnregistered unless the account wants keys sealed to this one now."""
        statement = select(EncryptionKeyRow.account).where(
            EncryptionKeyRow.account == account,
            EncryptionKeyRow.public_key == public_key,
            col(EncryptionKeyRow.revoked_at).is_(None),
        )
        if (await self._session.exec(statement)).first() is None:
            raise KeyUnregistered("register this public key first")

    async def revoke(self, account: bytes, suite: Suite, now: int) -> None:
        row = await self._session.get(EncryptionKeyRow, (account, suite.name), with_for_update=True)
        if row is None:
            raise KeyUnregistered("the account has registered no key of this suite")
        row.revoked_at = row.revoked_at or now


def _registered(row: EncryptionKeyRow) -> Registered:
    key = EncryptionKey(row.account, row.public_key, row.sequence, row.deadline)
    return Registered(key, row.signature, row.registered_at, row.revoked_at)
