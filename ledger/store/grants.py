"""Every key release and every refusal of one, with what it was decided on (R33)."""

from sqlalchemy import LargeBinary, String
from sqlmodel import Field, and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.deposit import Payload
from ledger.domain.entitlement import Block, Decision
from ledger.domain.grant import Grant
from ledger.proofs import access
from ledger.store.access_log import AccessLog
from ledger.store.columns import Address, Bytes, Hash, Integer64, Table, Uint256
from ledger.store.deposits import Deposits
from ledger.store.encryption_keys import EncryptionKeys
from ledger.store.erasures import Erasures


class GrantId(Bytes):
    """16 bytes."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(16)


class GrantRow(Table, table=True):
    """Never changed; deleted when its time is over. The columns after `denial` are empty when the chain gave
    no answer, `use` is when none had to be counted."""

    __tablename__ = "grants"

    id: bytes = Field(primary_key=True, sa_type=GrantId)
    at: int = Field(sa_type=Integer64, index=True)
    licence: int = Field(sa_type=Uint256, index=True)
    account: bytes = Field(sa_type=Address, index=True)
    public_key: bytes = Field(sa_type=LargeBinary)
    purpose: str = Field(sa_type=String(64))
    denial: str | None = Field(default=None, sa_type=String(32))
    rule: str | None = Field(default=None, sa_type=String(64))
    """Empty for what was before it was kept."""
    block_number: int | None = Field(default=None, sa_type=Integer64)
    block_hash: bytes | None = Field(default=None, sa_type=Hash)
    block_time: int | None = Field(default=None, sa_type=Integer64)
    reason: str | None = Field(default=None, sa_type=String(64))
    listing: int | None = Field(default=None, sa_type=Integer64)
    version: int | None = Field(default=None, sa_type=Integer64)
    plan: int | None = Field(default=None, sa_type=Uint256)
    expires_at: int | None = Field(default=None, sa_type=Integer64)
    uses_left: int | None = Field(default=None, sa_type=Integer64)
    flags: int | None = Field(default=None, sa_type=Integer64)
    root: bytes | None = Field(default=None, sa_type=Hash)
    size: int | None = Field(default=None, sa_type=Uint256)
    deposit: bytes | None = Field(default=None, sa_type=Hash)
    use: bytes | None = Field(default=None, sa_type=GrantId)
    entry: int | None = Field(default=None, sa_type=Integer64)
    """In the access log; empty for what was before it."""
    valid_until: int | None = Field(default=None, sa_type=Integer64)


class Grants:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record(self, grant: Grant) -> None:
        """With its entry in the access log."""
        row = GrantRow(
            id=grant.id,
            at=grant.at,
            licence=grant.licence,
            account=grant.account,
            public_key=grant.public_key,
            purpose=grant.purpose,
            denial=grant.denial,
            rule=grant.rule,
            use=grant.use,
            valid_until=grant.valid_until,
        )
        if (decision := grant.decision) is not None:
            row.block_number = decision.block.number
            row.block_hash = decision.block.hash
            row.block_time = decision.block.time
            row.reason = decision.denial
            row.listing = decision.listing
            row.version = decision.version
            row.plan = decision.plan
            row.expires_at = decision.expires_at
            row.uses_left = decision.uses_left
            row.flags = decision.flags
            row.root = decision.root
            row.size = decision.size
            row.deposit = decision.deposit
        row.entry = await AccessLog(self._session).append(access.grant_leaf(grant))
        self._session.add(row)

    async def answers(self, licence: int) -> list[tuple[Grant, int | None]]:
        """Every answer about a licence, in order, with its entry in the access log; enough to ask the chain
        again and compare."""
        rows = await self._session.exec(
            select(GrantRow)
            .where(GrantRow.licence == licence)
            .order_by(col(GrantRow.at), col(GrantRow.entry))
        )
        return [(_grant(row), row.entry) for row in rows]

    async def every(self) -> list[tuple[Grant, int | None]]:
        """Each answer with its entry in the access log."""
        rows = await self._session.exec(select(GrantRow).order_by(col(GrantRow.at), col(GrantRow.id)))
        return [(_grant(row), row.entry) for row in rows]

    async def payload_of(self, deposit_id: bytes) -> Payload:
        """Raises PayloadUnknown."""
        return await Deposits(self._session).payload_of(deposit_id)

    async def check_key(self, account: bytes, public_key: bytes) -> None:
        """Raises KeyUnregistered."""
        await EncryptionKeys(self._session).check(account, public_key)

    async def check_kept(self, deposit_id: bytes) -> None:
        """Raises PayloadWithdrawn."""
        await Erasures(self._session).check_kept(deposit_id)

    async def of(self, account: bytes, before: tuple[int, bytes] | None, limit: int) -> list[Grant]:
        """Up to `limit` answers that the account got, the newest first; those `before` a time and id."""
        statement = select(GrantRow).where(GrantRow.account == account)
        if before is not None:
            at, last = before
            earlier = and_(col(GrantRow.at) == at, col(GrantRow.id) < last)
            statement = statement.where(or_(col(GrantRow.at) < at, earlier))
        statement = statement.order_by(col(GrantRow.at).desc(), col(GrantRow.id).desc()).limit(limit)
        return [_grant(row) for row in await self._session.exec(statement)]


def _grant(row: GrantRow) -> Grant:
    decision = None
    if row.block_number is not None:
        decision = Decision(
            licence=row.licence,
            account=row.account,
            block=Block(row.block_number, row.block_hash or b"", row.block_time or 0),
            denial=row.reason,
            listing=row.listing or 0,
            version=row.version or 0,
            plan=row.plan or 0,
            expires_at=row.expires_at or 0,
            uses_left=row.uses_left or 0,
            flags=row.flags or 0,
            root=row.root or bytes(32),
            size=row.size or 0,
            deposit=row.deposit or bytes(32),
        )
    return Grant(
        id=row.id,
        at=row.at,
        licence=row.licence,
        account=row.account,
        public_key=row.public_key,
        purpose=row.purpose,
        denial=row.denial,
        decision=decision,
        use=row.use,
        valid_until=row.valid_until,
    )
