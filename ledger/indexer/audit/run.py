"""The whole history replayed and compared with what the chain is proven to hold at one block.

A node is not believed: its blocks are linked up to the audited one and their receipts are recomputed; what
they say has to fold to the `journalHead` of each contract, proven under the block's header. Then no event is
missing, altered, added or out of order. What follows from them is compared with proven storage, money with
balances, each sale and split with the rules, and the index in SQL with all of it, row by row.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import groupby
from typing import Any, Final, TypeAlias

from ledger.chain.bindings import SettlementToken
from ledger.chain.bindings.structs import OrderStatus
from ledger.chain.events import BadLog
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import MalformedAnswer, Rpc, to_hex
from ledger.domain.ids import plan_of
from ledger.indexer.audit import checkpoint
from ledger.indexer.audit.decisions import decision, splits
from ledger.indexer.audit.report import Finding, Report
from ledger.indexer.audit.rows import READ, Rows
from ledger.indexer.audit.storage import expected
from ledger.indexer.fetch import Block, FetchError, Sealed, Source
from ledger.indexer.index import deployment, entry_row, mention_rows
from ledger.indexer.reconcile import Link
from ledger.indexer.replay import ReplayError, apply
from ledger.indexer.state import Journal, State
from ledger.proofs import account as accounts
from ledger.proofs import claims
from ledger.proofs.mpt import proof_from_rpc
from ledger.proofs.trust import Trust
from ledger.store.database import Database
from ledger.store.index.rows import Cursor, Row

CHUNK: Final = 128
"""Blocks asked for at once."""
BATCH: Final = 100
"""Slots proven at once."""

InSnapshot: TypeAlias = Callable[[Callable[[Rows], Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Base:
    """Where the replay begins: the state after block `number`."""

    number: int
    hash: bytes | None = None
    state: State = field(default_factory=State)


@dataclass(frozen=True, slots=True)
class Audited:
    """`state` is `checkpoint.encode` of the state at the audited block, empty when there are findings."""

    report: Report
    state: bytes


async def audit(
    rpc: Rpc,
    source: Source,
    manifest: Manifest,
    trust: Trust,
    final: int,
    *,
    database: Database | None = None,
    since: Base | None = None,
) -> Audited:
    """As of the block numbered `final`, from genesis or from what an earlier audit proved.

    Raises RpcError, FetchError for that block itself, and a `ProofError` when the node's proofs do not hold:
    then nothing is known.
    """
    [head] = await source.headers(final, final)
    base = since or Base(max(manifest.block - 1, 0))
    run = _Audit(rpc, source, manifest, trust, head, base)
    if database is None:
        return await run.run(None)
    async with database.reading() as session:
        connection = await session.connection()
        rows = await connection.run_sync(Rows)

        async def in_snapshot(work: Callable[[Rows], Any]) -> Any:
            return await connection.run_sync(lambda _: work(rows))

        return await run.run(in_snapshot)


Read: TypeAlias = dict[str, list[Row]]
"""What the index must have read, by table."""


def _block_row(link: Link, time: int) -> Row:
    return (link.number, link.hash, link.parent, time)


class _Stop(Exception):
    """What follows is not to be believed."""


class _Audit:
    def __init__(
        self, rpc: Rpc, source: Source, manifest: Manifest, trust: Trust, head: Sealed, base: Base
    ) -> None:
        self._rpc, self._source, self._manifest, self._trust = rpc, source, manifest, trust
        self._head, self._base, self._state = head, base, base.state
        self._block = claims.Block(head.link.number, head.link.hash, head.header.timestamp)
        self._report = Report(trust.chain_id, str(trust.anchor), base.number + 1, self._block)
        self._tip: Sealed | None = None
        self._sql: InSnapshot | None = None
        self._indexed: Cursor | None = None
        self._kept = b""

    async def run(self, sql: InSnapshot | None) -> Audited:
        self._sql = sql
        try:
            await self._open()
            stops = {self._block.number} | ({self._indexed.head_number} if self._indexed else set())
            for stop in sorted(number for number in stops if number >= self._base.number):
                await self._walk(stop)
                if stop == self._block.number:
                    await self._compare_chain()
                if self._indexed is not None and stop == self._indexed.head_number:
                    await self._compare_index(self._indexed)
        except _Stop:
            pass
        except (BadLog, ReplayError) as error:
            self._report.found("replay", str(error))
        except FetchError as error:
            self._report.found("block", str(error))
        report = self._report
        if sql is not None:
            report.compared = await sql(lambda rows: dict(rows.counts))
        report.state = None if report.findings else sha256(self._kept).digest()
        return Audited(report, b"" if report.findings else self._kept)

    async def _open(self) -> None:
        """The block before the first, and how far the index is."""
        [base] = await self._source.headers(self._base.number, self._base.number)
        if self._base.hash not in (None, base.link.hash):
            self._report.found("block", f"block {self._base.number} is not the one that was audited before")
            raise _Stop
        self._tip = base
        if self._sql is None:
            return
        cursor: Cursor | None = await self._sql(lambda rows: rows.cursor())
        if cursor is None or cursor.deployment != deployment(self._manifest):
            self._report.found("row-missing", "index_cursor: there is no index of this deployment")
        elif cursor.head_number < self._base.number:
            self._report.found("row-missing", f"index_cursor: the index ends at block {cursor.head_number}")
        else:
            self._indexed = cursor
            await self._compare_before(base)

    async def _walk(self, last: int) -> None:
        """Replays on to a block."""
        tip = self._tip
        while tip is not None and tip.link.number < last:
            first = tip.link.number + 1
            headers = await self._source.headers(first, min(first + CHUNK - 1, last))
            for one in headers:
                if one.link.parent != tip.link.hash:
                    raise FetchError(f"block {tip.link.number} is not the parent of block {one.link.number}")
                self._tip = tip = one
            read: Read = {name: [] for name in READ}
            for block in await self._source.read(headers):
                self._replay(block, read)
            if self._indexed is not None and tip.link.number <= self._indexed.head_number:
                await self._in_sql(partial(Rows.compare_read, first=first, last=tip.link.number, read=read))
        if last == self._block.number and tip is not None and tip.link.hash != self._block.hash:
            raise FetchError(f"the node's blocks do not lead to block {last} as it named it")

    def _replay(self, block: Block, read: Read) -> None:
        read["blocks"].append(_block_row(block.link, block.time))
        for _, group in groupby(block.entries, lambda entry: entry.transaction_index):
            entries = list(group)
            for entry in entries:
                if lacking := decision(self._state, entry):
                    self._report.findings.append(lacking)
                apply(self._state, entry, block.time)
                read["entries"].append(entry_row(entry, self._state))
                read["mentions"] += mention_rows(entry)
            self._report.findings += splits(self._state, entries)
        if block.link.number <= self._block.number:
            self._report.entries += len(block.entries)

    # The chain

    async def _compare_chain(self) -> None:
        state, report = self._state, self._report
        report.licences, report.journals = len(state.licences), dict(state.journals)
        self._kept = checkpoint.encode(state)
        if await self._compare_heads():
            await self._compare_storage()
            await self._compare_money()

    async def _compare_heads(self) -> bool:
        """Whether all the entries are the contracts'; else what follows from them is not to be believed."""
        sound = True
        for name in self._trust.contracts:
            place = self._trust.contracts[name].layout.place("journalHead")
            held = (await self._words(name, [place.slot]))[place.slot].to_bytes(32)
            told = self._state.journals.get(name, Journal())
            if told.head != held:
                sound = False
                self._report.found(
                    "journal",
                    f"the {told.length} entries of {name} fold to {to_hex(told.head)}, the chain holds "
                    f"{to_hex(held)}: some are missing, altered, added or out of order",
                )
        return sound

    async def _compare_storage(self) -> None:
        by_contract: dict[str, list[tuple[tuple[Any, ...], int]]] = defaultdict(list)
        for contract, path, value in expected(self._state):
            by_contract[contract].append((path, value))
        for contract, told in by_contract.items():
            layout = self._trust.contracts[contract].layout
            places = [(path, layout.place(*path), value) for path, value in told]
            slots = sorted({place.slot for _, place, _ in places})
            words: dict[int, int] = {}
            for at in range(0, len(slots), BATCH):
                words |= await self._words(contract, slots[at : at + BATCH])
            for path, place, value in places:
                if (held := place.read(words[place.slot])) != value:
                    named = ".".join(part.hex() if isinstance(part, bytes) else str(part) for part in path)
                    self._report.found(
                        "storage", f"{contract}.{named} is {value} by the entries, {held} on chain"
                    )

    async def _compare_money(self) -> None:
        """What is in escrow against the open orders; all that is owed against the Exchange's balance."""
        state, waiting = self._state, defaultdict[int, int](int)
        for number, licence in state.licences.items():
            plan = state.plans[plan_of(number)]
            if licence.order in (OrderStatus.OPEN, OrderStatus.DISPUTED) and not licence.by_bank:
                waiting[plan.currency] += plan.price
        for currency, money in state.currencies.items():
            if (held := state.escrow.get(currency, 0)) != waiting[currency]:
                self._report.found(
                    "money",
                    f"currency {currency}: {held} is in escrow, the open orders come to {waiting[currency]}",
                )
            if liable := state.liabilities(currency):
                of = SettlementToken(money.token).balance_of(self._manifest.address("Exchange"))
                balance = await self._rpc.call(of, self._block.hash)
                if balance < liable:
                    self._report.found("money", f"currency {currency}: {liable} is owed, {balance} is there")

    async def _words(self, contract: str, slots: list[int]) -> dict[int, int]:
        address = self._trust.contracts[contract].address
        keys = [slot.to_bytes(32) for slot in slots]
        found = await self._rpc.proof(to_hex(address), keys, self._block.hash)
        path = proof_from_rpc(found.get("accountProof"))
        holder = accounts.account(self._head.header.state_root, address, path)
        if holder is None or holder.code_hash != self._trust.contracts[contract].code_hash:
            raise MalformedAnswer(f"at the address of {contract} stands nothing, or other code")
        return {
            slot: accounts.storage(holder.storage_root, slot, proof_from_rpc(proof["proof"]))
            for slot, proof in zip(slots, found["storageProof"], strict=True)
        }

    # The index

    async def _compare_before(self, base: Sealed) -> None:
        """From genesis: the block before the first. Else all that was read before, by its fold only."""
        number = base.link.number
        if self._base.hash is None:
            read = {"blocks": [_block_row(base.link, base.header.timestamp)], "entries": [], "mentions": []}
            await self._in_sql(lambda rows: rows.compare_read(number, number, read))
        else:
            heads = {name: found.head for name, found in self._state.journals.items()}
            await self._in_sql(lambda rows: rows.compare_folds(number, heads))

    async def _compare_index(self, cursor: Cursor) -> None:
        if self._tip is not None and self._tip.link.hash != cursor.head_hash:
            self._report.found("row-altered", f"index_cursor: block {cursor.head_number} has another hash")
        await self._in_sql(lambda rows: rows.compare_state(self._state))
        first = self._base.number if self._base.hash is None else 0
        await self._in_sql(lambda rows: rows.beyond(first, cursor.head_number))

    async def _in_sql(self, work: Callable[[Rows], list[Finding]]) -> None:
        if self._sql is not None:
            self._report.findings += await self._sql(work)
