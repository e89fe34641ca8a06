"""What the chain's adapters make of a node, on anvil."""

from typing import Any

import pytest

from ledger.chain.devnet import Devnet
from ledger.chain.entitlements import ChainEntitlements, FinalBlocks
from ledger.chain.erc1271 import MAGIC, ContractSignatures
from ledger.chain.finality import Depth, Instant
from ledger.chain.nodes import ChainNodes
from ledger.chain.rpc import Rpc
from ledger.domain.entitlement import NodeStale, NodeUnreachable, Undecidable
from ledger.domain.signature import BadSignature
from tests.integration.node import Node

ACCOUNT = b"\xac" * 20
ANSWERS = {
    "the magic": bytes.fromhex("63" + MAGIC.hex() + "60e01b60005260206000f3"),
    "another word": bytes.fromhex("63deadbeef60e01b60005260206000f3"),
    "the magic and more": bytes.fromhex("63" + MAGIC.hex() + "60e01b60011760005260206000f3"),
    "nothing": bytes.fromhex("00"),
    "a revert": bytes.fromhex("60006000fd"),
    "an invalid instruction": bytes.fromhex("fe"),
}


@pytest.mark.parametrize("name", [*ANSWERS, "no contract"])
async def test_only_the_magic_value_is_a_signature(rpc: Rpc, name: str) -> None:
    if name in ANSWERS:
        await rpc.request("anvil_setCode", [f"0x{ACCOUNT.hex()}", f"0x{ANSWERS[name].hex()}"])
        await rpc.request("evm_mine")
    signatures = ContractSignatures(rpc, FinalBlocks(rpc, Instant()))
    if name == "the magic":
        await signatures.check(ACCOUNT, b"\x01" * 32, b"anything")
    else:
        with pytest.raises(BadSignature):
            await signatures.check(ACCOUNT, b"\x01" * 32, b"anything")


async def test_threat_S14_a_final_block_never_goes_back(rpc: Rpc) -> None:
    blocks = FinalBlocks(rpc, Instant())
    before = await rpc.request("evm_snapshot")
    await rpc.request("anvil_mine", ["0x3"])
    head = await blocks.newest()
    await rpc.request("evm_revert", [before])
    with pytest.raises(NodeStale):
        await blocks.newest()
    await rpc.request("anvil_mine", ["0x3"])
    assert (await blocks.newest()).number == head.number


async def test_finality_by_depth_looks_below_the_head(rpc: Rpc) -> None:
    await rpc.request("anvil_mine", ["0x5"])
    head, final = [await FinalBlocks(rpc, finality).newest() for finality in (Instant(), Depth(2))]
    assert final.number == head.number - 2


async def test_threat_S05_no_contract_or_no_node_is_no_answer(rpc: Rpc) -> None:
    nowhere = ChainEntitlements([rpc], Instant(), "0x" + "99" * 20)
    with pytest.raises(NodeUnreachable):
        await nowhere.decide(1, ACCOUNT)
    async with Rpc("http://127.0.0.1:9") as dead:
        blocks = FinalBlocks(dead, Instant())
        with pytest.raises(Undecidable):
            await ChainEntitlements([dead], Instant(), "0x" + "99" * 20).decide(1, ACCOUNT)
        with pytest.raises(Undecidable):
            await ContractSignatures(dead, blocks).check(ACCOUNT, b"\x01" * 32, b"")


async def test_threat_S14_nodes_are_compared_where_both_are_final(rpc: Rpc, devnet: Devnet) -> None:
    await rpc.request("anvil_mine", ["0x3"])
    async with Node.before(devnet.url) as node, Rpc(node.url) as witness:
        nodes = ChainNodes([rpc, witness], Instant())
        assert [state.agrees for state in await nodes.states()] == [True, True]

        def behind(block: dict[str, Any]) -> dict[str, Any]:
            return block | {"number": hex(int(block["number"], 16) - 1), "hash": block["parentHash"]}

        node.lies["eth_getBlockByNumber"] = behind
        ours, theirs = await nodes.states()
        assert ours.block is not None
        assert theirs.block == ours.block - 1
        assert (ours.agrees, theirs.agrees) == (True, True)

        node.lies["eth_getBlockByNumber"] = lambda block: block | {"hash": "0x" + "11" * 32}
        assert [state.agrees for state in await nodes.states()] == [True, False]

        node.down = True
        ours, theirs = await nodes.states()
        assert (ours.agrees, theirs.block, theirs.agrees) == (True, None, None)
