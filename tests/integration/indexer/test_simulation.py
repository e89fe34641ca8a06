"""The index in a process that is killed now and then, behind a node that fails and lies, on forking chains.

Each run prints its seed. Many, with new seeds: scripts/simulate 200
"""

import asyncio
import copy
import multiprocessing
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder
from ledger.chain.finality import parse_finality
from ledger.chain.rpc import Rpc, from_hex, from_quantity
from ledger.indexer.fetch import Source
from ledger.indexer.index import Index
from ledger.indexer.mirror import read_state
from ledger.indexer.replay import replay
from ledger.indexer.runner import Runner
from ledger.proofs.trust import Development
from ledger.store.database import Database
from ledger.store.index.rows import in_snapshot
from tests.integration.indexer.follower import follow
from tests.integration.indexer.market import CHOOSERS, Market, found
from tests.integration.node import Forward, Node

RUNS = int(os.environ.get("SOCAI_SIMULATIONS", "0"))
SEEDS = [secrets.randbits(32) for _ in range(RUNS)] or [1, 2, 3, 4, 5]
STEPS = 30
DEEPEST = 3
DEPTH = 5
FINALITY = f"depth {DEPTH}"
LIES = ("stateRoot", "receiptsRoot", "logsBloom", "timestamp", "parentHash", "hash")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=18770, history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
        market = await found(rpc, 12, folder)
        for _ in range(60):
            await market.block(CHOOSERS)
        market.manifest.save(folder / "manifest.json")
        yield market


@dataclass
class Faults:
    """What goes wrong between index and node, each with a small chance."""

    random: Random
    failing: bool = True
    lying: bool = False
    """About one result of the next answer."""
    seen: Counter[str] = field(default_factory=Counter)
    heads: list[Any] = field(default_factory=list)

    async def fault(self, forward: Forward) -> Any:
        chance = self.random.random() if self.failing else 1.0
        self.lying = self.failing and self.random.random() < 0.12
        if chance < 0.03:
            self.seen["hung up"] += 1
            raise ConnectionError
        if chance < 0.06:
            self.seen["HTTP error"] += 1
            return web.Response(status=502, text="<html>")
        if chance < 0.08:
            self.seen["JSON-RPC error"] += 1
            error = {"code": -32005, "message": "limit exceeded"}
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": error})
        if chance < 0.20:
            self.seen["late"] += 1
            await asyncio.sleep(self.random.random() / 20)
        return await forward()

    def alter(self, method: str, params: list[Any], result: Any) -> Any:
        if not self.failing or result is None:
            return result
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            # not below what may be final, which no honest node goes back on and the index halts at
            least = from_quantity(result["number"]) - DEPTH
            self.heads = [
                *(head for head in self.heads[-3:] if from_quantity(head["number"]) > least),
                result,
            ]
            if self.random.random() < 0.15:
                self.seen["an old head"] += 1
                return self.random.choice(self.heads)
        if not self.lying:
            return result
        self.lying = False
        self.seen["a lie"] += 1
        if method == "eth_getBlockByNumber":
            lie = self.random.choice(LIES)
            last = result[lie][-1]
            return result | {lie: result[lie][:-1] + ("1" if last != "1" else "2")}
        if method == "eth_getBlockReceipts" and result:
            changed = copy.deepcopy(result)
            receipt = self.random.choice(changed)
            if receipt["logs"] and self.random.random() < 0.7:
                receipt["logs"].pop(self.random.randrange(len(receipt["logs"])))
            else:
                receipt["cumulativeGasUsed"] = "0x1"
            return changed
        return [] if isinstance(result, list) else None


async def reorganise(market: Market, depth: int) -> None:
    """The newest blocks become others, which hold nothing."""
    head = from_quantity(await market.rpc.request("eth_blockNumber"))
    await market.rpc.request("anvil_reorg", [depth, []])
    market.entries = [found for found in market.entries if found[0].block_number <= head - depth]
    market.state = replay(market.entries)
    block = await market.rpc.request("eth_getBlockByNumber", ["latest", False])
    market.now, market.head = from_quantity(block["timestamp"]), from_hex(block["hash"])


@pytest.mark.parametrize("seed", SEEDS)
async def test_threat_S06_S14_S15_S17_R13_the_index_ends_as_a_clean_replay(
    market: Market, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    print(f"seed {seed}")  # noqa: T201
    random = Random(seed)  # noqa: S311
    market.random = Random(seed)  # noqa: S311
    address, manifest = f"sqlite:///{tmp_path}/index.sqlite", tmp_path / "manifest.json"
    market.manifest.save(manifest)
    database = Database(address)
    await database.migrate()
    faults, done = Faults(Random(seed)), Counter[str]()  # noqa: S311
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["ledger.indexer.runner"])
    async with Node.before(f"http://{market.rpc._node}") as node:
        node.fault, node.alter = faults.fault, faults.alter

        def start() -> BaseProcess:
            process = processes.Process(target=follow, args=(address, manifest, node.url, FINALITY))
            process.start()
            return process

        index = start()
        try:
            steps = ["blocks", "fork", "wait", "kill"]
            steps += random.choices(steps, [10, 5, 4, 2], k=STEPS - len(steps))
            random.shuffle(steps)
            for step in steps:
                done[step] += 1
                if step == "blocks":
                    for _ in range(random.randint(1, 4)):
                        await market.block(CHOOSERS)
                elif step == "fork":
                    if not done["fork of what is applied"] or random.random() < 0.7:
                        done["fork of what is applied"] += await until(database, market.head, 10.0)
                    await reorganise(market, random.randint(1, DEEPEST))
                elif step == "wait":
                    await asyncio.sleep(random.random() / 4)
                else:
                    index.kill()
                    await asyncio.to_thread(index.join)
                    index = start()
                assert index.is_alive()
            faults.failing = False
            assert await until(database, market.head, 30.0), "the index did not arrive at the head"
        finally:
            index.kill()
            await asyncio.to_thread(index.join)
    assert min(done["blocks"], done["fork of what is applied"], faults.seen.total()) > 0, (done, faults.seen)
    clean = await rebuilt(market, tmp_path_factory.mktemp("clean"))
    assert await in_snapshot(database, lambda sql: sql.fingerprint()) == clean
    assert await in_snapshot(database, read_state) == market.state
    await database.close()
    print(f"seed {seed}: {dict(done)}, {dict(faults.seen)}")  # noqa: T201


async def until(database: Database, head: bytes, seconds: float) -> bool:
    """Whether the index is at the head, within so many seconds."""
    for _ in range(int(seconds / 0.02)):
        cursor = await in_snapshot(database, lambda sql: sql.cursor())
        if cursor is not None and cursor.head_hash == head:
            return True
        await asyncio.sleep(0.02)
    return False


async def rebuilt(market: Market, folder: Path) -> dict[str, str]:
    """What a new index of the same chain holds, read in one step from the node itself."""
    database = Database(f"sqlite:///{folder}/index.sqlite")
    await database.migrate()
    index, source = (
        Index(database, market.manifest),
        Source(market.rpc, Decoder(market.manifest), Development()),
    )
    await Runner(market.rpc, source, index, market.manifest, parse_finality(FINALITY)).step()
    try:
        return await in_snapshot(database, lambda sql: sql.fingerprint())
    finally:
        await database.close()
