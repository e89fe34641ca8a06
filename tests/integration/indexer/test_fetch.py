"""Events of a real chain through a node that lies about them."""

import copy
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ledger.chain.bindings import CONTRACTS
from ledger.chain.devnet import Devnet
from ledger.chain.events import BadLog, Decoder
from ledger.chain.rpc import MalformedAnswer, NodeError, Rpc
from ledger.indexer.fetch import (
    BlockMissing,
    FetchError,
    ForgedHeader,
    ForgedLog,
    InventedLog,
    OmittedLog,
    Source,
)
from ledger.proofs import receipts
from ledger.proofs.receipts import Log
from ledger.proofs.trust import Development
from tests.integration.indexer.market import CHOOSERS, Market, found
from tests.integration.node import Node, truth

BLOCKS = 25
pytestmark = pytest.mark.asyncio(loop_scope="module")

Receipts = list[dict[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=18740, history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
        market = await found(rpc, 7, folder)
        for _ in range(BLOCKS):
            await market.block(CHOOSERS)
        await rpc.request("evm_mine")  # which holds nothing
        yield market


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(market: Market) -> AsyncIterator[Node]:
    async with Node.before(f"http://{market.rpc._node}") as proxy:
        yield proxy


@pytest_asyncio.fixture(loop_scope="module")
async def source(market: Market, proxy: Node) -> AsyncIterator[Source]:
    proxy.alter = truth
    async with Rpc(proxy.url, timeout=60) as rpc:
        yield Source(rpc, Decoder(market.manifest), Development())


async def read(source: Source, market: Market) -> list[Any]:
    head = await source.head()
    blocks = await source.read(await source.headers(market.manifest.block, head.link.number))
    return [(entry, block.time) for block in blocks for entry in block.entries]


async def test_R03_every_event_arrives_as_it_was_emitted(source: Source, market: Market) -> None:
    assert await read(source, market) == market.entries


async def test_a_block_whose_bloom_excludes_us_is_not_asked_for(
    source: Source, market: Market, proxy: Node
) -> None:
    head = await source.head()
    proxy.asked.clear()
    [block] = await source.read([head])
    assert (block.link, block.entries, proxy.asked.total()) == (head.link, (), 0)


def lie(change: Callable[[Receipts], None], *, consistent: bool) -> Callable[[str, list[Any], Any], Any]:
    """Receipts after `change`; a consistent liar fits the receipts' own blooms to their logs."""

    def alter(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_getBlockReceipts" or len(busy(result)) == 0:
            return result
        changed = copy.deepcopy(result)
        change(changed)
        for receipt in changed if consistent else []:
            receipt["logsBloom"] = "0x" + receipts.bloom_of(map(parse, receipt["logs"])).hex()
        return changed

    return alter


def parse(log: dict[str, Any]) -> Log:
    return Log(raw(log["address"]), tuple(map(raw, log["topics"])), raw(log["data"]))


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def busy(found: Receipts) -> Receipts:
    return [receipt for receipt in found if receipt["logs"]]


def forge(found: Receipts) -> None:
    logs = [log for receipt in found for log in receipt["logs"] if len(log["data"]) > 2]
    if logs:
        logs[0]["data"] = logs[0]["data"][:-1] + ("0" if logs[0]["data"][-1] != "0" else "1")
    else:
        found[0]["cumulativeGasUsed"] = "0x1"


def alter_topic(found: Receipts) -> None:
    busy(found)[0]["logs"][0]["topics"].append("0x" + "ab" * 32)


def invent(found: Receipts) -> None:
    log = busy(found)[0]["logs"][0]
    busy(found)[0]["logs"].append(log | {"topics": [log["topics"][0], "0x" + "cd" * 32]})


def invent_twice_the_same(found: Receipts) -> None:
    busy(found)[0]["logs"].append(busy(found)[0]["logs"][0])


def omit(found: Receipts) -> None:
    for receipt in found:
        receipt["logs"].clear()


def omit_the_last(found: Receipts) -> None:
    busy(found)[-1]["logs"].pop()


def swap(found: Receipts) -> None:
    for receipt in found:
        receipt["logs"].reverse()
    if all(len(receipt["logs"]) < 2 for receipt in found):
        found[0]["cumulativeGasUsed"] = "0x1"


def fail(found: Receipts) -> None:
    busy(found)[0]["status"] = "0x0"


@pytest.mark.parametrize("consistent", [True, False])
@pytest.mark.parametrize(
    ("change", "names"),
    [
        (forge, (ForgedLog,)),
        (alter_topic, (InventedLog,)),
        (invent, (InventedLog,)),
        (invent_twice_the_same, (ForgedLog,)),
        (omit, (OmittedLog,)),
        (omit_the_last, (OmittedLog, ForgedLog)),  # its bits may all be those of others
        (swap, (ForgedLog,)),
        (fail, (ForgedLog,)),
    ],
)
async def test_threat_S14_a_lie_about_logs_is_named(
    source: Source,
    market: Market,
    proxy: Node,
    change: Callable[[Receipts], None],
    names: tuple[type[FetchError], ...],
    consistent: bool,
) -> None:
    proxy.alter = lie(change, consistent=consistent)
    with pytest.raises(names, match=r"block \d+"):
        await read(source, market)


async def test_threat_S14_places_are_counted_not_believed(
    source: Source, market: Market, proxy: Node
) -> None:
    def elsewhere(found: Receipts) -> None:
        for receipt in found:
            for log in receipt["logs"]:
                log |= {"logIndex": "0x63", "blockNumber": "0x1", "blockHash": "0x" + "00" * 32}
                log |= {"transactionIndex": "0x7", "transactionHash": "0x" + "11" * 32}

    proxy.alter = lie(elsewhere, consistent=False)
    assert await read(source, market) == market.entries

    def other_transaction(found: Receipts) -> None:
        found[0]["transactionHash"] = "0x" + "22" * 32

    proxy.alter = lie(other_transaction, consistent=False)
    with pytest.raises(ForgedLog, match="other transactions"):
        await read(source, market)


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "0x1"},
        {"receiptsRoot": "0x" + "00" * 32},
        {"logsBloom": "0x" + "00" * 256},  # else every event could be hidden
        {"parentHash": "0x" + "00" * 32},
        {"hash": "0x" + "00" * 32},
        {"number": "0x1"},
        {"stateRoot": None},
    ],
)
async def test_threat_S14_a_forged_header_is_named(
    source: Source, market: Market, proxy: Node, change: dict[str, Any]
) -> None:
    proxy.alter = lambda method, params, result: (
        result | change if method == "eth_getBlockByNumber" else result
    )
    with pytest.raises(ForgedHeader, match="block"):
        await read(source, market)


async def test_threat_S14_another_block_than_asked_for(source: Source, market: Market, proxy: Node) -> None:
    other = await market.rpc.request("eth_getBlockByNumber", ["0x3", False])
    proxy.alter = lambda method, params, result: other if params[0] == "0x5" else result
    with pytest.raises(ForgedHeader, match="asked for block 5, the node gave block 3"):
        await source.headers(4, 6)


@pytest.mark.parametrize("answer", [None, [], "0x", [None], [{}], [{"logs": None}], 7])
async def test_threat_S15_what_is_no_answer_is_an_error(
    source: Source, market: Market, proxy: Node, answer: Any
) -> None:
    for method in ("eth_getBlockByNumber", "eth_getBlockReceipts"):

        def alter(asked: str, params: list[Any], result: Any, method: str = method) -> Any:
            return answer if asked == method and (asked != "eth_getBlockReceipts" or result) else result

        proxy.alter = alter
        with pytest.raises((FetchError, MalformedAnswer)) as raised:
            await read(source, market)
        if answer is None:
            assert isinstance(raised.value, BlockMissing)


async def test_threat_S15_a_lie_before_what_is_no_receipt(
    source: Source, market: Market, proxy: Node
) -> None:
    def change(found: Receipts) -> None:
        omit(found)
        found.append({"transactionIndex": hex(len(found)), "logs": [None]})

    proxy.alter = lie(change, consistent=False)
    with pytest.raises(MalformedAnswer):
        await read(source, market)


async def test_a_block_that_is_not_there_yet(source: Source) -> None:
    head = await source.head()
    with pytest.raises((BlockMissing, NodeError)):
        await source.headers(head.link.number + 1, head.link.number + 1)


async def test_an_event_of_ours_that_no_binding_knows_is_an_error(market: Market) -> None:
    """Verified, so really emitted: the program is older than the contracts."""
    contracts = {name: type(name, (kind,), {"events": {}}) for name, kind in CONTRACTS.items()}
    source = Source(market.rpc, Decoder(market.manifest, contracts), Development())
    with pytest.raises(BadLog, match="has no event"):
        await read(source, market)
