"""Deposits, and the payloads that came of them."""

from typing import Final

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    UniqueConstraint,
    case,
    column,
    func,
    or_,
    table,
    update,
)
from sqlalchemy import select as sa_select
from sqlmodel import Field, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.deposit import (
    Deposit,
    DepositTaken,
    DepositUnknown,
    Payload,
    PayloadUnknown,
    Upload,
)
from ledger.store.columns import Address, Bytes, Hash, Integer64, Table
from ledger.store.uploads import Sections

GIVEN_UP: Final = -1
"""`receipt_until` of a payload that is being thrown away."""


class Header(Bytes):
    """The first 56 bytes of a payload."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(56)


class DepositRow(Table, table=True):
    """`object` to `header` are empty until the ciphertext has arrived. `once` is the seller's own key for
    opening it, if there was one."""

    __tablename__ = "deposits"
    __table_args__ = (UniqueConstraint("seller", "once"),)

    id: bytes = Field(primary_key=True, sa_type=Hash)
    seller: bytes = Field(sa_type=Address, index=True)
    opened_at: int = Field(sa_type=Integer64)
    expires_at: int = Field(sa_type=Integer64, index=True)
    object: str | None = Field(default=None, sa_type=String(200))
    root: bytes | None = Field(default=None, sa_type=Hash)
    size: int | None = Field(default=None, sa_type=Integer64)
    header: bytes | None = Field(default=None, sa_type=Header)
    once: str | None = Field(default=None, sa_type=String(128))


class PayloadRow(Table, table=True):
    """A root stands for one deposit only: its header commits to the deposit's context.

    `receipt_until`: the deadline of the last receipt signed for it, or GIVEN_UP. Empty when older programs
    signed: then it is not known.
    """

    __tablename__ = "payloads"

    deposit: bytes = Field(primary_key=True, sa_type=Hash, sa_column_args=[ForeignKey("deposits.id")])
    root: bytes = Field(sa_type=Hash, unique=True)
    object: str = Field(sa_type=String(200))
    seller: bytes = Field(sa_type=Address, index=True)
    size: int = Field(sa_type=Integer64)
    media_type: str = Field(sa_type=String(127))
    held_since: int = Field(sa_type=Integer64)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    receipt_until: int | None = Field(default=None, sa_type=Integer64)


class Deposits:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.sections = Sections(session)

    async def opened(self, seller: bytes, once: str) -> Deposit | None:
        """The deposit that the seller has opened under this key."""
        statement = select(DepositRow.id).where(DepositRow.seller == seller, DepositRow.once == once)
        found = (await self._session.exec(statement)).one_or_none()
        return None if found is None else await self.find(found, seller)

    async def open(self, deposit: Deposit, once: str | None) -> None:
        self._session.add(
            DepositRow(
                once=once,
                id=deposit.id,
                seller=deposit.seller,
                opened_at=deposit.opened_at,
                expires_at=deposit.expires_at,
            )
        )

    async def find(self, deposit_id: bytes, seller: bytes) -> Deposit:
        """The seller's own deposit. Raises DepositUnknown."""
        row = await self._session.get(DepositRow, deposit_id)
        if row is None or row.seller != seller:
            raise DepositUnknown("there is no such deposit of this account")
        payload = await self._session.get(PayloadRow, deposit_id)
        return _deposit(row, None if payload is None else _payload(payload))

    async def used(self, seller: bytes) -> int:
        """Ciphertext bytes that the account's deposits hold, complete or not, or have begun to receive."""
        statement = select(func.coalesce(func.sum(col(DepositRow.size)), 0)).where(
            DepositRow.seller == seller
        )
        held = int((await self._session.exec(statement)).one() or 0)
        return held + await self.sections.reserved(seller)

    async def waiting(self, seller: bytes) -> int:
        """How many deposits of the account are not complete."""
        statement = (
            select(func.count()).select_from(DepositRow).where(_incomplete(), DepositRow.seller == seller)
        )
        return (await self._session.exec(statement)).one()

    async def receive(self, deposit_id: bytes, upload: Upload) -> list[str]:
        """Gives a deposit its ciphertext, and the objects of parts, which nothing names any more.

        Of several at once one succeeds, the others get DepositTaken.
        """
        received = await self._session.exec(
            update(DepositRow)
            .where(col(DepositRow.id) == deposit_id, col(DepositRow.object).is_(None))
            .values(object=upload.object, root=upload.root, size=upload.size, header=upload.header)
        )
        if received.rowcount != 1:
            raise DepositTaken("the deposit has its ciphertext already, or is gone")
        return await self.sections.drop(deposit_id)

    async def hold(self, payload: Payload) -> Payload:
        """Completes a deposit, once: a repetition keeps and returns what is held. Raises DepositUnknown."""
        statement = select(DepositRow.id).where(DepositRow.id == payload.deposit).with_for_update()
        if (await self._session.exec(statement)).one_or_none() is None:
            raise DepositUnknown("the deposit is gone")
        held = await self._session.get(PayloadRow, payload.deposit)
        if held is not None:
            return _payload(held)
        self._session.add(
            PayloadRow(
                deposit=payload.deposit,
                root=payload.root,
                object=payload.object,
                seller=payload.seller,
                size=payload.size,
                media_type=payload.media_type,
                held_since=payload.held_since,
                wrapped_key=payload.wrapped_key,
            )
        )
        return payload

    async def payload(self, root: bytes) -> Payload:
        """Raises PayloadUnknown."""
        return _found(
            (await self._session.exec(select(PayloadRow).where(PayloadRow.root == root))).one_or_none()
        )

    async def payload_of(self, deposit_id: bytes) -> Payload:
        """Raises PayloadUnknown."""
        return _found(await self._session.get(PayloadRow, deposit_id))

    async def wrapped(self, after: bytes, limit: int) -> list[Payload]:
        """Up to `limit` payloads that are not erased, by deposit id, above `after` unless it is empty."""
        kept = col(PayloadRow.wrapped_key) != b""
        statement = select(PayloadRow).where(kept).order_by(col(PayloadRow.deposit)).limit(limit)
        if after:
            statement = statement.where(col(PayloadRow.deposit) > after)
        return [_payload(row) for row in await self._session.exec(statement)]

    async def rewrap(self, deposit_id: bytes, old: bytes, new: bytes) -> bool:
        """Replaces a wrapped key; False when it is not `old` any more."""
        replaced = await self._session.exec(
            update(PayloadRow)
            .where(col(PayloadRow.deposit) == deposit_id, col(PayloadRow.wrapped_key) == old)
            .values(wrapped_key=new)
        )
        return replaced.rowcount == 1

    async def promise(self, deposit_id: bytes, until: int) -> None:
        """A receipt is going to be signed. Raises DepositUnknown when the payload was given up."""
        before = col(PayloadRow.receipt_until)
        kept = or_(before.is_(None), before != GIVEN_UP)
        promised = await self._session.exec(
            update(PayloadRow)
            .where(col(PayloadRow.deposit) == deposit_id, kept)
            .values(
                receipt_until=case(
                    (col(PayloadRow.receipt_until) > until, col(PayloadRow.receipt_until)), else_=until
                )
            )
        )
        if promised.rowcount != 1:
            raise DepositUnknown("nobody claimed the deposit in time, and it was thrown away")

    async def receipts_over(self, held_until: int) -> list[tuple[Payload, int]]:
        """Payloads held since `held_until` or longer and not erased, with the end of their last receipt."""
        statement = select(PayloadRow).where(
            col(PayloadRow.held_since) <= held_until,
            col(PayloadRow.receipt_until) > GIVEN_UP,
            col(PayloadRow.wrapped_key) != b"",
        )
        rows = await self._session.exec(statement)
        return [(_payload(row), row.receipt_until) for row in rows if row.receipt_until is not None]

    async def give_up(self, deposit_id: bytes, receipt_until: int) -> bool:
        """No receipt is signed any more; False when one was meanwhile, or an erasure was asked for, whose
        record stays."""
        erasures = table("erasures", column("deposit", Hash()))
        given = await self._session.exec(
            update(PayloadRow)
            .where(
                col(PayloadRow.deposit) == deposit_id,
                col(PayloadRow.receipt_until) == receipt_until,
                col(PayloadRow.deposit).not_in(sa_select(erasures.c.deposit)),
            )
            .values(receipt_until=GIVEN_UP)
        )
        return given.rowcount == 1

    async def given_up(self) -> list[Payload]:
        statement = select(PayloadRow).where(PayloadRow.receipt_until == GIVEN_UP)
        return [_payload(row) for row in await self._session.exec(statement)]

    async def drop(self, deposit_id: bytes) -> None:
        """Forgets a payload that was given up, and its deposit; again is no error."""
        given_up = (col(PayloadRow.deposit) == deposit_id, col(PayloadRow.receipt_until) == GIVEN_UP)
        gone = await self._session.exec(delete(PayloadRow).where(*given_up))
        if gone.rowcount == 1:
            await self._session.exec(delete(DepositRow).where(col(DepositRow.id) == deposit_id))

    async def forget_key(self, deposit_id: bytes) -> None:
        """The payload is erased."""
        forgotten = update(PayloadRow).where(col(PayloadRow.deposit) == deposit_id).values(wrapped_key=b"")
        await self._session.exec(forgotten)

    async def abandon(self, deposit_id: bytes) -> list[str]:
        """Forgets a deposit that is not complete; gives the parts' objects, which nothing names any more.

        Raises DepositTaken when it is complete.
        """
        parts = await self.sections.drop(deposit_id)
        gone = await self._session.exec(
            delete(DepositRow).where(_incomplete(), col(DepositRow.id) == deposit_id)
        )
        if gone.rowcount != 1:
            raise DepositTaken("the deposit is complete, or gone")
        return parts

    async def expired(self, now: int) -> list[Deposit]:
        """Deposits that were not completed in time."""
        statement = select(DepositRow).where(_incomplete(), col(DepositRow.expires_at) <= now)
        return [_deposit(row) for row in await self._session.exec(statement)]

    async def objects(self) -> set[str]:
        """Names of all ciphertexts."""
        names = await self._session.exec(select(DepositRow.object))
        return {name for name in names if name is not None}


def _incomplete() -> ColumnElement[bool]:
    return col(DepositRow.id).not_in(select(PayloadRow.deposit))


def _deposit(row: DepositRow, payload: Payload | None = None) -> Deposit:
    upload = None
    if row.object is not None and row.root is not None and row.size is not None and row.header is not None:
        upload = Upload(object=row.object, root=row.root, size=row.size, header=row.header)
    return Deposit(
        id=row.id,
        seller=row.seller,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        upload=upload,
        payload=payload,
    )


def _found(row: PayloadRow | None) -> Payload:
    if row is None or row.receipt_until == GIVEN_UP:
        raise PayloadUnknown("the vault holds no such payload")
    return _payload(row)


def _payload(row: PayloadRow) -> Payload:
    return Payload(
        object=row.object,
        root=row.root,
        deposit=row.deposit,
        seller=row.seller,
        size=row.size,
        media_type=row.media_type,
        held_since=row.held_since,
        wrapped_key=row.wrapped_key,
    )
