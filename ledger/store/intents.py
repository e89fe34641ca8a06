"""Transactions that an account of ours means to send: written before they are sent, kept for good.

An *intent* is what a caller asked for under an idempotency key. An *attempt* is one signed transaction for
it. Attempts of one nonce exclude each other on the chain, so an intent may have several live ones (fee
bumps); when its nonce was taken by somebody else its attempts are void and it gets a new nonce.
`ledger.chain.sender` decides, this module keeps.
"""

from collections.abc import Callable, Iterable
from typing import Final, cast

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    UniqueConstraint,
    and_,
    delete,
    func,
    update,
)
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.domain.intent import KEY_CHARACTERS, Intent, Signed, State
from ledger.store.columns import Address, Hash, Integer64, Table, Uint256
from ledger.store.database import Database

OPEN: Final = ("pending", "mined")


class SenderRow(Table, table=True):
    """An account on one chain. The genesis hash keeps a wiped local chain apart from its predecessor."""

    __tablename__ = "senders"
    __table_args__ = (UniqueConstraint("chain_id", "genesis", "address"),)

    id: int | None = Field(default=None, primary_key=True)
    chain_id: int = Field(sa_type=Integer64)
    genesis: bytes = Field(sa_type=Hash)
    address: bytes = Field(sa_type=Address)


async def senders(session: AsyncSession) -> list[str]:
    """Accounts that send out of this database."""
    found = await session.exec(select(SenderRow.address).distinct())
    return [f"0x{address.hex()}" for address in found]


class IntentRow(Table, table=True):
    __tablename__ = "intents"
    __table_args__ = (
        UniqueConstraint("sender_id", "key"),
        UniqueConstraint("sender_id", "nonce"),
        CheckConstraint("state IN ('pending', 'mined', 'final')", name="state"),
        CheckConstraint("(state = 'pending') = (block_number IS NULL)", name="block"),
    )

    id: int | None = Field(default=None, primary_key=True)
    sender_id: int = Field(sa_column_args=[ForeignKey("senders.id")])
    key: str = Field(sa_type=String(KEY_CHARACTERS))
    digest: bytes = Field(sa_type=Hash)
    to: bytes | None = Field(sa_type=Address)
    data: bytes = Field(sa_type=LargeBinary)
    value: int = Field(sa_type=Uint256)
    state: str = Field(sa_type=String(7), index=True)
    nonce: int = Field(sa_type=Integer64)
    created_at: int = Field(sa_type=Integer64)
    mined_hash: bytes | None = Field(default=None, sa_type=Hash)
    block_number: int | None = Field(default=None, sa_type=Integer64)
    block_hash: bytes | None = Field(default=None, sa_type=Hash)
    succeeded: bool | None = None
    revert_data: bytes | None = Field(default=None, sa_type=LargeBinary)


class AttemptRow(Table, table=True):
    __tablename__ = "attempts"
    # Not by hash alone: signatures are deterministic, and a wiped chain sees the same transaction again.
    __table_args__ = (UniqueConstraint("intent_id", "hash"),)

    id: int | None = Field(default=None, primary_key=True)
    intent_id: int = Field(sa_column_args=[ForeignKey("intents.id")])
    hash: bytes = Field(sa_type=Hash)
    ordinal: int
    nonce: int = Field(sa_type=Integer64)
    raw: bytes = Field(sa_type=LargeBinary)
    gas: int = Field(sa_type=Integer64)
    max_fee: int = Field(sa_type=Uint256)
    tip: int = Field(sa_type=Uint256)
    since_block: int = Field(sa_type=Integer64)
    signed_at: int = Field(sa_type=Integer64)
    void: bool = False


class Intents:
    """All SQL of the intents of one account on one chain, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, sender_id: int) -> None:
        self._session = session
        self._sender_id = sender_id

    @staticmethod
    async def sender(session: AsyncSession, chain_id: int, genesis: bytes, address: bytes) -> int:
        """The id of an account's row, made when it is new."""
        wanted = (
            select(SenderRow)
            .where(SenderRow.chain_id == chain_id)
            .where(SenderRow.genesis == genesis)
            .where(SenderRow.address == address)
        )
        row = (await session.exec(wanted)).one_or_none()
        if row is None:
            row = SenderRow(chain_id=chain_id, genesis=genesis, address=address)
            session.add(row)
            await session.flush()
        assert row.id is not None  # noqa: S101 - a flushed row has its key
        return row.id

    async def by_key(self, key: str) -> Intent | None:
        return await self._one(col(IntentRow.key) == key)

    async def by_nonce(self, nonce: int) -> Intent | None:
        return await self._one(col(IntentRow.nonce) == nonce)

    async def open(self) -> list[Intent]:
        """Pending and mined ones that are not final, lowest nonce first."""
        return await self._all(col(IntentRow.state).in_(OPEN))

    async def newest_final(self, below: int | None) -> Intent | None:
        """The final one with the highest nonce (below `below`)."""
        highest = select(func.max(IntentRow.nonce)).where(
            col(IntentRow.sender_id) == self._sender_id, col(IntentRow.state) == "final"
        )
        if below is not None:
            highest = highest.where(col(IntentRow.nonce) < below)
        return await self._one(col(IntentRow.nonce) == highest.scalar_subquery())

    async def next_nonce(self, floor: int) -> int:
        """One above every nonce in use, at least `floor`; holds the account until the transaction ends."""
        locked = select(SenderRow.id).where(SenderRow.id == self._sender_id).with_for_update()
        await self._session.exec(locked)
        highest = select(func.max(IntentRow.nonce)).where(col(IntentRow.sender_id) == self._sender_id)
        used = (await self._session.exec(highest)).one()
        return floor if used is None else max(floor, used + 1)

    async def add(
        self, key: str, digest: bytes, to: bytes | None, data: bytes, value: int, signed: Signed
    ) -> Intent:
        row = IntentRow(
            sender_id=self._sender_id,
            key=key,
            digest=digest,
            to=to,
            data=data,
            value=value,
            state="pending",
            nonce=signed.nonce,
            created_at=signed.signed_at,
        )
        self._session.add(row)
        await self._session.flush()
        assert row.id is not None  # noqa: S101 - a flushed row has its key
        return _intent(row, [await self.attempt(row.id, 0, signed)])

    async def attempt(self, intent_id: int, ordinal: int, signed: Signed) -> AttemptRow:
        row = AttemptRow(
            hash=signed.hash,
            intent_id=intent_id,
            ordinal=ordinal,
            nonce=signed.nonce,
            raw=signed.raw,
            gas=signed.gas,
            max_fee=signed.max_fee,
            tip=signed.tip,
            since_block=signed.since_block,
            signed_at=signed.signed_at,
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def attempts_ever(self, intent_id: int) -> int:
        count = select(func.count()).select_from(AttemptRow).where(col(AttemptRow.intent_id) == intent_id)
        return (await self._session.exec(count)).one()

    async def void(self, intent_id: int) -> None:
        """The attempts so far can never be mined: their nonce is spent."""
        await self._session.exec(
            update(AttemptRow).where(col(AttemptRow.intent_id) == intent_id).values(void=True)
        )

    async def move(self, intent_id: int, nonce: int) -> None:
        await self._session.exec(update(IntentRow).where(col(IntentRow.id) == intent_id).values(nonce=nonce))

    async def settle(
        self,
        keys: list[str],
        state: State,
        mined_hash: bytes | None,
        block_number: int | None,
        block_hash: bytes | None,
        succeeded: bool | None,
        revert_data: bytes | None,
    ) -> None:
        await self._session.exec(
            update(IntentRow)
            .where(col(IntentRow.sender_id) == self._sender_id)
            .where(col(IntentRow.key).in_(keys))
            .values(
                state=state,
                mined_hash=mined_hash,
                block_number=block_number,
                block_hash=block_hash,
                succeeded=succeeded,
                revert_data=revert_data,
            )
        )

    async def remove(self, intent_id: int) -> None:
        await self._session.exec(delete(AttemptRow).where(col(AttemptRow.intent_id) == intent_id))
        await self._session.exec(delete(IntentRow).where(col(IntentRow.id) == intent_id))

    async def _one(self, where: ColumnElement[bool]) -> Intent | None:
        found = await self._all(where)
        return found[0] if found else None

    async def _all(self, where: ColumnElement[bool]) -> list[Intent]:
        live = and_(col(AttemptRow.intent_id) == col(IntentRow.id), col(AttemptRow.void).is_(False))
        found = await self._session.exec(
            select(IntentRow, AttemptRow)
            .outerjoin(AttemptRow, live)
            .where(col(IntentRow.sender_id) == self._sender_id, where)
            .order_by(col(IntentRow.nonce), col(AttemptRow.ordinal))
        )
        rows: dict[int | None, tuple[IntentRow, list[AttemptRow]]] = {}
        for row, attempt in found:
            _, attempts = rows.setdefault(row.id, (row, []))
            if attempt is not None:
                attempts.append(attempt)
        return [_intent(row, attempts) for row, attempts in rows.values()]


class IntentLog:
    """What `ledger.chain.sender` writes down, each step in a transaction of its own.

    The steps that depend on what is there (`assign`, `replace`, `reassign`, `fill`) look and write in one
    transaction, so that any number of tasks and processes may share an account.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sender_id: int | None = None

    async def bind(self, chain_id: int, genesis: bytes, address: bytes) -> None:
        """Says whose intents these are; before anything else."""
        async with self._database.transaction() as session:
            self._sender_id = await Intents.sender(session, chain_id, genesis, address)

    async def find(self, key: str) -> Intent | None:
        async with self._database.reading() as session:
            return await self._intents(session).by_key(key)

    async def open(self) -> list[Intent]:
        async with self._database.reading() as session:
            return await self._intents(session).open()

    async def newest_final(self, below: int | None = None) -> Intent | None:
        async with self._database.reading() as session:
            return await self._intents(session).newest_final(below)

    async def assign(
        self,
        key: str,
        digest: bytes,
        to: bytes | None,
        data: bytes,
        value: int,
        floor: int,
        sign: Callable[[int], Signed],
    ) -> Intent:
        """Takes the next nonce, signs with it and keeps both; returns what is there when the key is known."""
        async with self._database.transaction() as session:
            intents = self._intents(session)
            if (found := await intents.by_key(key)) is not None:
                return found
            nonce = await intents.next_nonce(floor)
            return await intents.add(key, digest, to, data, value, sign(nonce))

    async def fill(
        self, key: str, digest: bytes, to: bytes, nonce: int, sign: Callable[[int], Signed]
    ) -> Intent | None:
        """Keeps an empty transaction for exactly this nonce; nothing when the nonce or the key is in use."""
        async with self._database.transaction() as session:
            intents = self._intents(session)
            await intents.next_nonce(0)
            if await intents.by_nonce(nonce) is not None or await intents.by_key(key) is not None:
                return None
            return await intents.add(key, digest, to, b"", 0, sign(nonce))

    async def replace(self, key: str, latest: bytes, signed: Signed) -> Intent | None:
        """Adds a live attempt with the same nonce; nothing when it is not pending with `latest` any more."""
        async with self._database.transaction() as session:
            intents = self._intents(session)
            found = await self._pending(intents, key, latest)
            if found is None or signed.nonce != found.nonce:
                return None
            await intents.attempt(found.id, await intents.attempts_ever(found.id), signed)
            return await intents.by_key(key)

    async def reassign(
        self, key: str, latest: bytes, floor: int, sign: Callable[[int], Signed]
    ) -> Intent | None:
        """Voids all attempts and signs with the next nonce; nothing when not pending with `latest` any
        more."""
        async with self._database.transaction() as session:
            intents = self._intents(session)
            found = await self._pending(intents, key, latest)
            if found is None:
                return None
            nonce = await intents.next_nonce(floor)
            ordinal = await intents.attempts_ever(found.id)
            await intents.void(found.id)
            await intents.move(found.id, nonce)
            await intents.attempt(found.id, ordinal, sign(nonce))
            return await intents.by_key(key)

    async def mined(
        self,
        key: str,
        mined_hash: bytes,
        block_number: int,
        block_hash: bytes,
        succeeded: bool,
        revert_data: bytes | None,
        final: bool,
    ) -> Intent:
        state: State = "final" if final else "mined"
        async with self._database.transaction() as session:
            intents = self._intents(session)
            await intents.settle([key], state, mined_hash, block_number, block_hash, succeeded, revert_data)
            return _present(await intents.by_key(key))

    async def reopen(self, keys: Iterable[str]) -> None:
        """They are not on the chain any more."""
        async with self._database.transaction() as session:
            await self._intents(session).settle(list(keys), "pending", None, None, None, None, None)

    async def forget(self, key: str) -> None:
        """Removes a filler whose nonce was spent otherwise."""
        async with self._database.transaction() as session:
            intents = self._intents(session)
            if (found := await intents.by_key(key)) is not None:
                await intents.remove(found.id)

    @staticmethod
    async def _pending(intents: Intents, key: str, latest: bytes) -> Intent | None:
        await intents.next_nonce(0)
        found = await intents.by_key(key)
        if found is None or found.state != "pending" or found.attempts[-1].hash != latest:
            return None
        return found

    def _intents(self, session: AsyncSession) -> Intents:
        if self._sender_id is None:
            raise RuntimeError("bind() comes first")
        return Intents(session, self._sender_id)


def _present(intent: Intent | None) -> Intent:
    if intent is None:
        raise LookupError("the intent that was just written is not there")
    return intent


def _intent(row: IntentRow, attempts: list[AttemptRow]) -> Intent:
    assert row.id is not None  # noqa: S101 - a loaded row has its key
    return Intent(
        id=row.id,
        key=row.key,
        digest=row.digest,
        to=row.to,
        data=row.data,
        value=row.value,
        state=cast(State, row.state),
        nonce=row.nonce,
        attempts=tuple(
            Signed(a.hash, a.nonce, a.raw, a.gas, a.max_fee, a.tip, a.since_block, a.signed_at)
            for a in attempts
        ),
        mined_hash=row.mined_hash,
        block_number=row.block_number,
        block_hash=row.block_hash,
        succeeded=row.succeeded,
        revert_data=row.revert_data,
    )
