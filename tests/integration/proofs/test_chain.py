"""Every block, receipt, account and storage slot of a busy market on real anvil, proven and tampered with."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import rlp as other_rlp
from trie import HexaryTrie

from ledger.chain.bindings import CONTRACTS
from ledger.chain.devnet import Devnet, dev_accounts
from ledger.chain.rpc import Rpc, at_block, from_hex
from ledger.proofs import header, mpt, receipts
from ledger.proofs.account import NO_CODE, Account, account, storage
from ledger.proofs.header import Header
from ledger.proofs.keccak import keccak
from ledger.proofs.mpt import TrieError, proof_from_rpc
from ledger.proofs.receipts import ReceiptsMismatch
from ledger.proofs.slots import Layout
from tests.integration.indexer.market import Market, found
from tests.integration.indexer.storage import expected

ACTS = 60
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Chain:
    rpc: Rpc
    market: Market
    blocks: Sequence[dict[str, Any]]

    @property
    def head(self) -> Header:
        return header.from_rpc(self.blocks[-1])

    def address(self, contract: str) -> bytes:
        return from_hex(self.market.manifest.contracts[contract].address)

    async def proof(self, address: bytes, slots: Sequence[int] = ()) -> dict[str, Any]:
        keys = [slot.to_bytes(32) for slot in slots]
        return await self.rpc.proof("0x" + address.hex(), keys, self.head.hash)

    async def account(self, address: bytes) -> Account | None:
        return account(
            self.head.state_root, address, proof_from_rpc((await self.proof(address))["accountProof"])
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=18730, history=None) as devnet, Rpc(devnet.url, timeout=60) as rpc:
        market = await found(rpc, 4, folder)
        await market.run(ACTS)
        last = int(await rpc.request("eth_blockNumber"), 16)
        blocks = await rpc.batch([("eth_getBlockByNumber", [hex(n), False]) for n in range(last + 1)])
        yield Chain(rpc, market, blocks)


async def test_every_header(chain: Chain) -> None:
    headers = [header.from_rpc(block) for block in chain.blocks]
    for found_header, block in zip(headers, chain.blocks, strict=True):
        assert found_header.hash == from_hex(block["hash"])
        assert header.decode(found_header.encode()) == found_header
    header.verify_ancestry(headers, chain.head.hash)
    assert len(headers) > ACTS


async def test_every_receipt(chain: Chain) -> None:
    logs = 0
    for block in chain.blocks:
        trusted = header.from_rpc(block)
        listed = await chain.rpc.request("eth_getBlockReceipts", [block["hash"]])
        whole = receipts.block_from_rpc(listed)
        receipts.verify_block(trusted, whole)
        trie = receipts.trie(whole)
        for index, receipt in enumerate(whole):
            proof = trie.proof(mpt.index_key(index))
            assert receipts.verify(trusted.receipts_root, index, proof) == receipt
            logs += len(receipt.logs)
        if whole:
            spoiled = replace(whole[-1], cumulative_gas=whole[-1].cumulative_gas + 1)
            with pytest.raises(ReceiptsMismatch):
                receipts.verify_block(trusted, [*whole[:-1], spoiled])
    assert logs > ACTS


async def test_every_slot_of_every_contract(chain: Chain) -> None:
    """What replaying the events says each contract holds is proven, and what it does not hold, absent."""
    proven = 0
    for contract, held in expected(chain.market.state).items():
        absent = {slot ^ 1 << 200: 0 for slot in list(held)[:20]} | {(1 << 256) - 1: 0}
        wanted = [*held.items(), *absent.items()]
        for first in range(0, len(wanted), 50):
            some = wanted[first : first + 50]
            answer = await chain.proof(chain.address(contract), [slot for slot, _ in some])
            holder = account(
                chain.head.state_root, chain.address(contract), proof_from_rpc(answer["accountProof"])
            )
            assert holder is not None
            for (slot, value), given in zip(some, answer["storageProof"], strict=True):
                assert storage(holder.storage_root, slot, proof_from_rpc(given["proof"])) == value
                proven += 1
    assert proven > 200


async def test_accounts(chain: Chain) -> None:
    for contract in CONTRACTS:
        holder = await chain.account(chain.address(contract))
        code = await chain.rpc.request(
            "eth_getCode", ["0x" + chain.address(contract).hex(), at_block(chain.head.hash)]
        )
        assert holder is not None
        assert holder.code_hash == keccak(from_hex(code))
    seller = await chain.account(from_hex(dev_accounts()["seller"].address))
    assert seller is not None
    assert (seller.code_hash, seller.storage_root) == (NO_CODE, mpt.EMPTY_ROOT)
    assert seller.nonce > 0
    for nobody in (b"\x99" * 20, keccak(b"nobody")[:20]):
        assert await chain.account(nobody) is None


async def test_contracts_without_storage_prove_nothing_by_nothing(chain: Chain) -> None:
    pack = await chain.account(chain.address("RulePack"))
    answer = await chain.proof(chain.address("RulePack"), [0])
    assert pack is not None
    assert pack.storage_root == mpt.EMPTY_ROOT
    assert storage(pack.storage_root, 0, proof_from_rpc(answer["storageProof"][0]["proof"])) == 0


async def test_R18_variables_by_name(chain: Chain) -> None:
    """Slots derived from the pinned layout hold what the contracts themselves answer."""
    state, read = chain.market.state, 0

    async def word(contract: str, variable: str, *path: int | bytes | str) -> int:
        nonlocal read
        place = Layout(CONTRACTS[contract].artifact().storage).place(variable, *path)
        answer = await chain.proof(chain.address(contract), [place.slot])
        holder = account(
            chain.head.state_root, chain.address(contract), proof_from_rpc(answer["accountProof"])
        )
        assert holder is not None
        read += 1
        return place.read(
            storage(holder.storage_root, place.slot, proof_from_rpc(answer["storageProof"][0]["proof"]))
        )

    for name in ("Participants", "Listings", "Licences", "Exchange"):
        bound = CONTRACTS[name](chain.market.manifest.contracts[name].address)
        view = await chain.rpc.call(bound.journal_head(), chain.head.hash)  # type: ignore[attr-defined]
        assert await word(name, "journalHead") == int.from_bytes(view)
    for number, licence in list(state.licences.items())[:5]:
        assert await word("Licences", "_licences", number, "expiresAt") == licence.expires_at
        assert await word("Licences", "_licences", number, "status") == int(licence.status)
        assert await word("Licences", "_owners", number) == int(state.licence_tokens.owners[number], 16)
    assert await word("Licences", "_licences", 1, "status") == 0
    assert read > 5


async def test_the_trie_package_agrees(chain: Chain) -> None:
    for name in ("buyer", "seller"):
        address = from_hex(dev_accounts()[name].address)
        proof = proof_from_rpc((await chain.proof(address))["accountProof"])
        key = mpt.secure(address)
        theirs = HexaryTrie.get_from_proof(
            chain.head.state_root, key, [other_rlp.decode(node) for node in proof]
        )
        assert mpt.prove(chain.head.state_root, key, proof) == theirs


async def test_threat_S20_real_proofs_tampered_with(chain: Chain) -> None:
    address, other = chain.address("Exchange"), chain.address("Listings")
    answer = await chain.proof(address, [0])
    proof = proof_from_rpc(answer["accountProof"])
    for spoiled in (
        proof[1:],
        proof[:-1],
        [*proof, proof[-1]],
        proof[::-1],
        *(
            [*proof[:i], node[:at] + bytes([node[at] ^ 1]) + node[at + 1 :], *proof[i + 1 :]]
            for i, node in enumerate(proof)
            for at in range(len(node))
        ),
    ):
        with pytest.raises(TrieError):
            account(chain.head.state_root, address, spoiled)
    with pytest.raises(TrieError):
        account(header.from_rpc(chain.blocks[1]).state_root, address, proof)
    with pytest.raises(TrieError):
        account(chain.head.state_root, other, proof)
