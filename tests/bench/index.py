"""How fast events become rows: the index here against a loop over web3.py, on one chain, taking turns.

    scripts/bench index [EVENTS]

ours    every header and receipts root recomputed, the whole market projected, undo and cursor kept
logs    the same from eth_getLogs, believed: headers are checked, no receipts root is
rows    eth_getLogs parsed, and the rows that `ours` ends with written: nothing decoded, folded or projected
plain   web3.py get_logs, process_log, one ORM object for each event; believes the node, projects nothing
tuned   the same with raw requests, the event's ABI looked up once, and Core inserts

`plain` and `tuned` index a part of the chain (they are slow) and are given per event. Each writes a SQLite
file of its own with the settings of the ledger's, then a database of a PostgreSQL that is durable in nothing.
Further the receipts root of one block, against the package `trie`; and an audit of the whole chain and of the
SQLite index, against indexing it.
"""

import asyncio
import gc
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import uvloop
from eth_utils.abi import event_abi_to_log_topic
from sqlalchemy import JSON, LargeBinary, create_engine, event, insert
from sqlmodel import Field, Session, SQLModel
from trie import HexaryTrie
from web3 import HTTPProvider, Web3
from web3._utils.events import get_event_data
from web3._utils.method_formatters import log_entry_formatter
from web3.datastructures import AttributeDict

from ledger.chain.abi import Call
from ledger.chain.bindings import CONTRACTS, structs
from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder, Entry
from ledger.chain.finality import Instant
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, to_hex
from ledger.chain.trust import trust_of
from ledger.domain.market import NO_LIMIT, Kind
from ledger.indexer.audit.run import audit
from ledger.indexer.fetch import Block, Sealed, Source
from ledger.indexer.index import Index
from ledger.indexer.runner import Runner
from ledger.proofs import mpt, receipts
from ledger.proofs.trust import Development
from ledger.store.bulk import bulk_insert
from ledger.store.database import Database
from ledger.store.index.rows import in_snapshot, index_table, index_tables
from tests import postgresql
from tests.bench.figures import Figure, show
from tests.e2e.conftest import free_port
from tests.integration.indexer.market import Act, Market, address, found
from tests.integration.indexer.market.drafts import draft

ROUNDS = 3
PER_BLOCK = 60
AT_ONCE = 16
"""Blocks of which `rows` asks for the logs."""
SLICE = 3000
"""Events that the others index in a round."""


class Plain(SQLModel, table=True):
    """What a simple indexer keeps."""

    __tablename__ = "plain"

    block_number: int = Field(primary_key=True)
    log_index: int = Field(primary_key=True)
    block_hash: bytes = Field(sa_type=LargeBinary)
    transaction_hash: bytes = Field(sa_type=LargeBinary)
    emitter: str
    event: str
    args: dict[str, Any] = Field(sa_type=JSON)


async def market_of(rpc: Rpc, folder: Path, events: int) -> tuple[Market, int]:
    """A chain with so many events: purchases, half of them confirmed."""
    market = await found(rpc, 1, folder)
    class_ = structs.Classification(
        structs.Importance.OTHER, structs.Sharing.SHARED, structs.Subject.ITEMS, structs.PersonalData.NONE
    )
    plan = structs.PlanDraft(1000, 1, 0, NO_LIMIT, 0, 0, 0, "0x" + "00" * 20, b"\1" * 32)
    await market.mine(
        [
            (
                "publish",
                Act(
                    "seller", market.listings.publish(class_, bytes(32), draft(market, "seller"), (plan,), ())
                ),
            )
        ]
    )
    for kind in (Kind.LEGAL, Kind.SECURITY):
        market.now += 1
        await market.mine(
            [("attest", Act("reviewer", market.reviews.attest(1, 1, kind.value, b"\1" * 32, 0)))]
        )
    assert not market.reverted, market.reverted
    nonce = int(await rpc.request("eth_getTransactionCount", [address("buyer"), "latest"]), 16)
    count, bought, first = len(market.entries), 0, 1 << 48
    while count < events:
        blocks = [[market.exchange.buy(1 << 16, 1, bought + index) for index in range(PER_BLOCK)]]
        bought += PER_BLOCK
        if bought % (2 * PER_BLOCK):
            blocks.append([market.exchange.confirm(first + bought - index) for index in range(PER_BLOCK)])
        for calls in blocks:
            count += await mined(rpc, calls, nonce)
            nonce += len(calls)
    return market, count


async def mined(rpc: Rpc, calls: Sequence[Call[Any]], nonce: int) -> int:
    """How many logs the buyer's calls, in a block of their own, made."""
    await mine(rpc, calls, nonce)
    receipts = await rpc.request("eth_getBlockReceipts", ["latest"])
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * len(calls)
    return sum(len(receipt["logs"]) for receipt in receipts)


async def mine(rpc: Rpc, calls: Sequence[Call[Any]], nonce: int) -> None:
    """The buyer's calls, in a block of their own."""
    transactions = [
        {
            "from": address("buyer"),
            "to": call.to,
            "data": to_hex(call.data),
            "gas": hex(450_000),
            "nonce": hex(nonce + index),
            "maxFeePerGas": "0x0",
            "maxPriorityFeePerGas": "0x0",
        }
        for index, call in enumerate(calls)
    ]
    await rpc.batch([("eth_sendTransaction", [transaction]) for transaction in transactions])
    await rpc.request("evm_mine")


class Believing(Source):
    """Takes logs on the node's word."""

    async def read(self, headers: Sequence[Sealed]) -> list[Block]:
        found: dict[int, list[Entry]] = {one.link.number: [] for one in headers}
        if headers:
            first, last = (hex(one.link.number) for one in (headers[0], headers[-1]))
            wanted = {"fromBlock": first, "toBlock": last, "address": self._decoder.addresses}
            for entry in self._decoder.decode_all(await self._rpc.request("eth_getLogs", [wanted])):
                found[entry.block_number].append(entry)
        return [Block(one.link, one.header.timestamp, tuple(found[one.link.number])) for one in headers]


async def ours(source: type[Source], rpc: Rpc, manifest: Manifest, address: str) -> tuple[int, float]:
    """Events and seconds, from an empty database."""
    database = Database(address)
    await database.migrate()
    runner = Runner(
        rpc, source(rpc, Decoder(manifest), Development()), Index(database, manifest), manifest, Instant()
    )
    started = time.perf_counter()
    await runner.step()
    seconds = time.perf_counter() - started
    table = index_table("entries")
    count = await in_snapshot(database, lambda sql: sql.count(table, "log_index"))
    await database.close()
    return count, seconds


async def rows(rpc: Rpc, manifest: Manifest, last: int, made: str, address: str) -> tuple[int, float]:
    """Events and seconds: what no index with these rows can be faster than, one thing after the other."""
    whole = Database(made)
    written = {
        table: await in_snapshot(whole, lambda sql, of=table: list(sql.rows(of))) for table in index_tables()
    }
    await whole.close()
    database, count = Database(address), 0
    await database.migrate()
    gc.collect()
    started = time.perf_counter()
    for block in range(manifest.block, last + 1, AT_ONCE):
        wanted = {"fromBlock": hex(block), "toBlock": hex(min(block + AT_ONCE - 1, last))}
        filtered = wanted | {"address": Decoder(manifest).addresses}
        count += len(await rpc.request("eth_getLogs", [filtered]))
    for table, of_table in written.items():
        for at in range(0, len(of_table), SLICE):
            some = of_table[at : at + SLICE]
            async with database.transaction(queue=False) as session:
                await (await session.connection()).run_sync(bulk_insert, table, some)
    seconds = time.perf_counter() - started
    await database.close()
    return count, seconds


def engine_at(address: str) -> Any:
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: object) -> None:
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                connection.execute(f"PRAGMA {pragma}")

    SQLModel.metadata.create_all(engine)
    return engine


def contracts_of(w3: Web3, manifest: Manifest) -> tuple[dict[str, Any], dict[tuple[str, bytes], Any]]:
    contracts = {
        deployed.address: w3.eth.contract(address=deployed.address, abi=CONTRACTS[name].artifact().abi)
        for name, deployed in manifest.contracts.items()
    }
    abis = {
        (at.lower(), event_abi_to_log_topic(abi)): abi
        for at, contract in contracts.items()
        for abi in contract.abi
        if abi["type"] == "event"
    }
    return contracts, abis


def values(arguments: Any) -> dict[str, Any]:
    return json.loads(Web3.to_json(dict(arguments)))


def plain(url: str, manifest: Manifest, first: int, last: int, address: str) -> tuple[int, float]:
    w3 = Web3(HTTPProvider(url))
    contracts, abis = contracts_of(w3, manifest)
    engine, count = engine_at(address), 0
    started = time.perf_counter()
    for block in range(first, last + 1, 8):
        logs = w3.eth.get_logs(
            {"fromBlock": block, "toBlock": min(block + 7, last), "address": list(contracts)}
        )
        with Session(engine) as session:
            for log in logs:
                name = abis[log["address"].lower(), bytes(log["topics"][0])]["name"]
                got = contracts[log["address"]].events[name]().process_log(log)
                session.add(
                    Plain(
                        block_number=got["blockNumber"],
                        log_index=got["logIndex"],
                        block_hash=bytes(got["blockHash"]),
                        transaction_hash=bytes(got["transactionHash"]),
                        emitter=got["address"],
                        event=got["event"],
                        args=values(got["args"]),
                    )
                )
                count += 1
            session.commit()
    seconds = time.perf_counter() - started
    engine.dispose()
    return count, seconds


def tuned(url: str, manifest: Manifest, first: int, last: int, address: str) -> tuple[int, float]:
    w3 = Web3(HTTPProvider(url))
    contracts, abis = contracts_of(w3, manifest)
    engine, count = engine_at(address), 0
    started = time.perf_counter()
    for block in range(first, last + 1, 8):
        logs = w3.provider.make_request(
            "eth_getLogs",
            [{"fromBlock": hex(block), "toBlock": hex(min(block + 7, last)), "address": list(contracts)}],
        )["result"]
        rows = []
        for raw in logs:
            log = AttributeDict(log_entry_formatter(raw))
            got = get_event_data(w3.codec, abis[raw["address"], bytes(log["topics"][0])], log)
            rows.append(
                {
                    "block_number": got["blockNumber"],
                    "log_index": got["logIndex"],
                    "block_hash": bytes(got["blockHash"]),
                    "transaction_hash": bytes(got["transactionHash"]),
                    "emitter": got["address"],
                    "event": got["event"],
                    "args": values(got["args"]),
                }
            )
        if rows:
            with engine.begin() as connection:
                connection.execute(insert(Plain), rows)
        count += len(rows)
    seconds = time.perf_counter() - started
    engine.dispose()
    return count, seconds


async def receipts_root(rpc: Rpc, number: int) -> Figure:
    """Of one block's encoded receipts."""
    listed = await rpc.request("eth_getBlockReceipts", [hex(number)])
    encoded = {mpt.index_key(at): one.encode() for at, one in enumerate(receipts.block_from_rpc(listed))}

    def theirs() -> bytes:
        trie = HexaryTrie({})
        for key, value in encoded.items():
            trie[key] = value
        return trie.root_hash

    assert mpt.Trie(encoded).root == theirs()
    took: dict[str, list[float]] = {"ours": [], "trie": []}
    for _ in range(20):
        for kind, run in (("ours", lambda: mpt.Trie(encoded).root), ("trie", theirs)):
            started = time.perf_counter()
            run()
            took[kind].append(time.perf_counter() - started)
    return Figure(
        name=f"receipts roots of {len(encoded)} receipts",
        value=1 / min(took["ours"]),
        unit="1/s",
        reference="the package trie",
        ratio=min(took["trie"]) / min(took["ours"]),
    )


async def rounds(
    name: str,
    chain: Devnet,
    rpc: Rpc,
    manifest: Manifest,
    first: int,
    last: int,
    address: Callable[[], str],
) -> list[Figure]:
    """Taking turns, into new databases at `address`."""
    rates: dict[str, list[float]] = {"ours": [], "logs": [], "rows": [], "plain": [], "tuned": []}
    for _ in range(ROUNDS):
        for kind, source in (("ours", Source), ("logs", Believing)):
            gc.collect()
            done, seconds = await ours(source, rpc, manifest, made := address())
            rates[kind].append(done / seconds)
        done, seconds = await rows(rpc, manifest, last, made, address())
        rates["rows"].append(done / seconds)
        for kind, run in (("plain", plain), ("tuned", tuned)):
            done, seconds = await asyncio.to_thread(run, chain.url, manifest, first, last, address())
            rates[kind].append(done / seconds)
    median = {kind: statistics.median(found) for kind, found in rates.items()}
    return [
        Figure(
            name=f"index catch-up, {name}{how}" + ("" if kind == "tuned" else ", against a plain loop"),
            value=median[which],
            unit="events/s",
            reference=f"a {kind} web3.py loop",
            ratio=median[which] / median[kind],
        )
        for which, how in (
            ("ours", ""),
            ("logs", " without receipts roots"),
            ("rows", ": logs parsed and rows written, nothing else"),
        )
        for kind in ("tuned", "plain")
    ]


async def auditing(rpc: Rpc, manifest: Manifest, last: int, address: str, indexing: float) -> Figure:
    """Of the chain and the index at `address`; `indexing`: events per second."""
    database, trust = Database(address), trust_of(manifest, None)
    started = time.perf_counter()
    source = Source(rpc, Decoder(manifest), trust.anchor)
    done = await audit(rpc, source, manifest, trust, last, database=database)
    seconds = time.perf_counter() - started
    assert not done.report.findings, done.report.findings
    table = index_table("entries")
    count = await in_snapshot(database, lambda sql: sql.count(table, "log_index"))
    await database.close()
    return Figure(
        name="audit",
        value=count / seconds,
        unit="events/s",
        reference="index catch-up, SQLite",
        ratio=count / seconds / indexing,
    )


async def figures(events: int = 50_000) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), count()
        async with Devnet(port=free_port(), history=None) as chain, Rpc(chain.url, timeout=120) as rpc:
            market, made = await market_of(rpc, folder, events)
            last = int(await rpc.request("eth_blockNumber"), 16)
            block = market.manifest.block
            first = max(block, last - max(1, SLICE * (last - block) // made))
            measure = partial(rounds, chain=chain, rpc=rpc, manifest=market.manifest, first=first, last=last)
            found = await measure("SQLite", address=lambda: f"sqlite:///{folder}/{next(files)}.sqlite")
            first_index = f"sqlite:///{folder}/0.sqlite"
            found.append(await auditing(rpc, market.manifest, last, first_index, found[0].value))
            with postgresql.running() as server:
                found += await measure("PostgreSQL", address=server.empty)
            found.append(await receipts_root(rpc, last))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        *found,
        Figure(name=f"most memory, indexing {made:,} events", value=memory, unit="MiB", less=True),
    ]


if __name__ == "__main__":
    show(uvloop.run(figures(*map(int, sys.argv[1:]))))
