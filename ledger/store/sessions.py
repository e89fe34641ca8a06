"""Sign-in nonces, each good for one message, and the sessions that came of them."""

from sqlmodel import Field, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.session import Session
from ledger.store.columns import Address, Hash, Integer64, Table


class NonceUnknown(Exception):
    """The nonce was never issued, has expired, or has been used."""


class SessionUnknown(Exception):
    """The session was never opened, has expired, or was closed."""


class NonceRow(Table, table=True):
    __tablename__ = "sign_in_nonces"

    nonce: str = Field(primary_key=True, max_length=64)
    expires_at: int = Field(sa_type=Integer64, index=True)


class SessionRow(Table, table=True):
    """`key` is the SHA-256 of the token: whoever reads this table can sign in as nobody."""

    __tablename__ = "sessions"

    key: bytes = Field(primary_key=True, sa_type=Hash)
    account: bytes = Field(sa_type=Address, index=True)
    expires_at: int = Field(sa_type=Integer64, index=True)


class Sessions:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def issue(self, nonce: str, *, expires_at: int, now: int) -> None:
        """Keeps a nonce and forgets those that have expired."""
        await self._session.exec(delete(NonceRow).where(col(NonceRow.expires_at) <= now))
        self._session.add(NonceRow(nonce=nonce, expires_at=expires_at))

    async def consume(self, nonce: str, *, now: int) -> None:
        """Finds and removes in one statement: of any number of callers one succeeds. Raises NonceUnknown."""
        consumed = await self._session.exec(
            delete(NonceRow).where(col(NonceRow.nonce) == nonce, col(NonceRow.expires_at) > now)
        )
        if consumed.rowcount != 1:
            raise NonceUnknown("the nonce is unknown, expired or used")

    async def open(self, opened: Session, *, now: int) -> None:
        """Keeps a session and forgets those that have expired."""
        await self._session.exec(delete(SessionRow).where(col(SessionRow.expires_at) <= now))
        self._session.add(SessionRow(key=opened.key, account=opened.account, expires_at=opened.expires_at))

    async def find(self, key: bytes, *, now: int) -> Session:
        """Raises SessionUnknown."""
        row = (
            await self._session.exec(
                select(SessionRow).where(SessionRow.key == key, SessionRow.expires_at > now)
            )
        ).one_or_none()
        if row is None:
            raise SessionUnknown("the session is unknown, expired or closed")
        return Session(key=row.key, account=row.account, expires_at=row.expires_at)

    async def close(self, key: bytes) -> None:
        """Closing a session that is not open changes nothing."""
        await self._session.exec(delete(SessionRow).where(col(SessionRow.key) == key))

    async def close_all(self, account: bytes) -> None:
        await self._session.exec(delete(SessionRow).where(col(SessionRow.account) == account))
