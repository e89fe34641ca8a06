"""How long after a block is mined its rows can be read, while purchases go on.

    scripts/bench lag [BLOCKS]          100 by default, one each half a second, with 20 purchases

lag      from the node's answer that the block is mined to the commit of its rows, with the wait for the next
         look for a new head; `work` is the same without that wait
floor    one eth_getLogs of the block by web3.py, and one transaction with a plain row for each log
behind   most blocks that the index was behind when the next was mined

The index is ours as the service runs it, the floor the least that any indexer does, measured after each block
on the same node, and in a database of its own.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import insert
from web3 import HTTPProvider, Web3

from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder
from ledger.chain.finality import Instant
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc
from ledger.indexer.fetch import Block, Sealed, Source
from ledger.indexer.index import Index
from ledger.indexer.reconcile import Link
from ledger.indexer.runner import Runner
from ledger.proofs.trust import Development
from ledger.store.database import Database
from ledger.tasks import meanwhile
from tests import postgresql
from tests.bench.figures import Figure, show
from tests.bench.index import Plain, engine_at, market_of, mine
from tests.e2e.conftest import free_port
from tests.integration.indexer.market import Market, address

EVERY = 0.5
PURCHASES = 20


class Watched(Source):
    """Notes when each head was first heard of."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: dict[int, float] = {}

    async def head(self) -> Sealed:
        found = await super().head()
        self.seen.setdefault(found.link.number, time.perf_counter())
        return found


class Timed(Index):
    """Notes when each block was committed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.written: dict[int, float] = {}
        self._more = asyncio.Condition()

    async def has(self, number: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: number in self.written)

    async def write(self, revert: Sequence[Link], blocks: Sequence[Block], final: int) -> None:
        await super().write(revert, blocks, final)
        self.written.update({block.link.number: time.perf_counter() for block in blocks})
        async with self._more:
            self._more.notify_all()


class Floor:
    """What an indexer must do at the least."""

    def __init__(self, url: str, manifest: Manifest, database: str) -> None:
        self._w3 = Web3(HTTPProvider(url))
        self._engine = engine_at(database)
        self._addresses = [deployed.address for deployed in manifest.contracts.values()]

    def run(self, number: int) -> float:
        """Seconds for one block."""
        started = time.perf_counter()
        logs = self._w3.eth.get_logs({"fromBlock": number, "toBlock": number, "address": self._addresses})
        rows = [
            {
                "block_number": log["blockNumber"],
                "log_index": log["logIndex"],
                "block_hash": bytes(log["blockHash"]),
                "transaction_hash": bytes(log["transactionHash"]),
                "emitter": log["address"],
                "event": log["topics"][0].hex(),
                "args": {"data": log["data"].hex()},
            }
            for log in logs
        ]
        with self._engine.begin() as connection:
            connection.execute(insert(Plain), rows)
        return time.perf_counter() - started

    def close(self) -> None:
        self._engine.dispose()


async def measured(
    name: str, chain: Devnet, market: Market, blocks: int, ours: str, plain: str
) -> list[Figure]:
    database = Database(ours)
    await database.migrate()
    rpc, manifest = market.rpc, market.manifest
    nonce = int(await rpc.request("eth_getTransactionCount", [address("buyer"), "latest"]), 16)
    lags, works, floors, behind = [], [], [], 0
    async with Rpc(chain.url) as own:
        source, index = Watched(own, Decoder(manifest), Development()), Timed(database, manifest)
        runner = Runner(own, source, index, manifest, Instant())
        await runner.step()
        floor = await asyncio.to_thread(Floor, chain.url, manifest, plain)
        head = await source.head()
        held = await rpc.call(market.licences.balance_of(address("buyer")), head.link.hash)
        async with meanwhile(runner.run()):
            for number in range(head.link.number + 1, head.link.number + 1 + blocks):
                due = time.perf_counter() + EVERY
                behind = max(behind, number - 1 - runner.progress.block)
                calls = [market.exchange.buy(1 << 16, 1, held + one) for one in range(PURCHASES)]
                await mine(rpc, calls, nonce)
                now = time.perf_counter()
                nonce, held = nonce + PURCHASES, held + PURCHASES
                await index.has(number)
                lags.append(index.written[number] - min(now, source.seen[number]))
                works.append(index.written[number] - source.seen[number])
                floors.append(await asyncio.to_thread(floor.run, number))
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
        floor.close()
    await database.close()
    found = [
        Figure(
            name=f"{name}: {what}, p{percent}",
            value=at(seconds, percent),
            unit="ms",
            reference="the least an indexer does",
            ratio=at(seconds, percent) / at(floors, percent),
            less=True,
        )
        for what, seconds in (("lag behind the chain", lags), ("of it work", works))
        for percent in (50, 99)
    ]
    most = Figure(name=f"{name}: most blocks behind", value=behind, unit="blocks", less=True)
    return [*found, most]


def at(seconds: list[float], percent: int) -> float:
    return round(1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1], 1)


async def figures(blocks: int = 100) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Devnet(port=free_port(), history=None) as chain, Rpc(chain.url, timeout=120) as rpc:
            market, _ = await market_of(rpc, folder, 1000)
            files = [f"sqlite:///{folder}/{one}.sqlite" for one in ("ours", "plain")]
            found = await measured("SQLite", chain, market, blocks, *files)
            with postgresql.running() as server:
                databases = server.empty(), server.empty()
                return found + await measured("PostgreSQL", chain, market, blocks, *databases)


if __name__ == "__main__":
    show(uvloop.run(figures(*map(int, sys.argv[1:]))))
