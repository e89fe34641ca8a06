"""The generated code against contracts on a real chain."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from ledger.chain.bindings import AccessManager
from ledger.chain.bindings.access_manager import RoleGranted, RoleLabel
from ledger.chain.bindings.errors import AccessManagerUnauthorizedAccount
from ledger.chain.devnet import CHAIN_ID, dev_accounts
from ledger.chain.events import Decoder
from ledger.chain.finality import Depth, FinalityError, Header, Instant, Tag, final_header
from ledger.chain.manifest import Deployed, Manifest, WrongChain
from ledger.chain.rpc import NodeError, Rpc, from_hex, from_quantity, to_hex, web3

ADMIN = dev_accounts()["operator"].address
OTHER = dev_accounts()["outsider"].address


async def send(rpc: Rpc, data: bytes, to: str | None = None) -> dict[str, Any]:
    """The receipt of a transaction of the operator."""
    transaction = {"from": ADMIN, "data": to_hex(data), "maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0"}
    sent = await rpc.request("eth_sendTransaction", [transaction | ({"to": to} if to else {})])
    while (receipt := await rpc.request("eth_getTransactionReceipt", [sent])) is None:
        pass
    assert receipt["status"] == "0x1"
    found: dict[str, Any] = receipt
    return found


async def deploy(rpc: Rpc) -> Manifest:
    receipt = await send(rpc, AccessManager.creation(ADMIN))
    async with web3(rpc_url(rpc)) as w3:
        address = w3.to_checksum_address(receipt["contractAddress"])
        genesis = await w3.eth.get_block(0)
        code = await w3.eth.get_code(address)
    return Manifest(
        chain_id=CHAIN_ID,
        genesis_hash=bytes(genesis["hash"]),
        block=from_quantity(receipt["blockNumber"]),
        contracts={"AccessManager": Deployed(address, keccak(bytes(code)))},
    )


def rpc_url(rpc: Rpc) -> str:
    return str(rpc._url)


async def test_transactions_events_and_pinned_views(rpc: Rpc) -> None:
    manifest = await deploy(rpc)
    manager = AccessManager(manifest.address("AccessManager"))
    before = from_hex((await rpc.request("eth_getBlockByNumber", ["latest", False]))["hash"])
    labelled = await send(rpc, manager.label_role(7, "kiểm duyệt").data, manager.address)
    granted = await send(rpc, manager.grant_role(7, OTHER, 60).data, manager.address)
    after = from_hex(granted["blockHash"])

    entries = Decoder(manifest).decode_all([*labelled["logs"], *granted["logs"]])
    assert entries[0].event == RoleLabel(7, "kiểm duyệt")
    event = entries[1].event
    assert isinstance(event, RoleGranted)
    assert (event.role_id, event.account, event.delay, event.new_member) == (7, OTHER, 60, True)
    assert entries[1].id.block_hash == after
    assert entries[1].id.transaction_hash == from_hex(granted["transactionHash"])

    assert await rpc.call(manager.has_role(7, OTHER), before) == (False, 0)
    assert await rpc.call(manager.has_role(7, OTHER), after) == (True, 60)
    with pytest.raises(AccessManagerUnauthorizedAccount) as raised:
        await rpc.call(manager.grant_role(7, ADMIN, 0), after, sender=OTHER)
    assert raised.value.arguments == {"msgsender": OTHER, "role_id": 0}
    with pytest.raises(NodeError):
        await rpc.call(manager.has_role(7, OTHER), b"\1" * 32)


async def test_proofs_at_a_block_hash_belong_to_its_state_root(rpc: Rpc) -> None:
    manifest = await deploy(rpc)
    manager = AccessManager(manifest.address("AccessManager"))
    first = await send(rpc, manager.label_role(1, "a").data, manager.address)
    await send(rpc, manager.grant_role(1, OTHER, 0).data, manager.address)
    block = await rpc.request("eth_getBlockByHash", [first["blockHash"], False])
    proof = await rpc.proof(manager.address, [bytes(32), b"\1" * 32], from_hex(first["blockHash"]))
    assert keccak(from_hex(proof["accountProof"][0])) == from_hex(block["stateRoot"])
    assert len(proof["storageProof"]) == 2


async def test_a_manifest_of_another_chain_is_refused(rpc: Rpc) -> None:
    manifest = await deploy(rpc)
    await manifest.check(rpc)
    address, code_hash = manifest.contracts["AccessManager"]

    def other(**change: Any) -> Manifest:
        fields = {
            name: getattr(manifest, name) for name in ("chain_id", "genesis_hash", "block", "contracts")
        }
        return Manifest(**(fields | change))

    for wrong, said in (
        (other(chain_id=1), "serves chain 84084"),
        (other(genesis_hash=bytes(32)), "another chain of the same id"),
        (other(contracts={"AccessManager": Deployed(address, bytes(32))}), "not that of AccessManager"),
        (other(contracts={"AccessManager": Deployed(OTHER, code_hash)}), "no contract stands"),
    ):
        with pytest.raises(WrongChain, match=said):
            await wrong.check(rpc)


async def test_finality_strategies(rpc: Rpc) -> None:
    async def header(number: int) -> Header:
        return Header.parse(await rpc.request("eth_getBlockByNumber", [hex(number), False]))

    await rpc.request("anvil_mine", ["0x5"])
    head = from_quantity(await rpc.request("eth_blockNumber"))
    assert await final_header(rpc, Instant()) == await header(head)
    assert await final_header(rpc, Depth(2)) == await header(head - 2)
    assert await final_header(rpc, Depth(10_000)) == await header(0)
    found = await final_header(rpc, Tag("finalized"))
    assert found.number <= head
    assert (await final_header(rpc, Instant())).parent_hash == (await header(head - 1)).hash

    class WithoutTags(Rpc):
        async def request(self, method: str, params: Any = ()) -> Any:
            return None  # as Besu answers

    with pytest.raises(FinalityError, match="no finalized block"):
        await final_header(WithoutTags(rpc_url(rpc)), Tag("finalized"))
