"""Headers, and receipts of every type, of real anvil blocks under each fork it knows."""

import asyncio
import hashlib
import socket
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_utils.address import to_checksum_address

from ledger.chain.devnet import dev_accounts, find_anvil
from ledger.chain.rpc import Rpc, TransportError, from_hex, to_hex
from ledger.proofs import header, receipts, rlp
from ledger.proofs.keccak import keccak

WIDTH = {"london": 16, "paris": 16, "shanghai": 17, "cancun": 20, "prague": 21, "osaka": 21}
SELLER, BUYER = dev_accounts()["seller"], dev_accounts()["buyer"]
FEES = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1}
EMITTER = to_checksum_address("0x" + "ee" * 20)
LOGS = "0x60aa60bb60205fa200"  # its code: emits an event with two topics; needs PUSH0


@pytest.fixture(params=WIDTH)
async def fork(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, Rpc]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--hardfork", request.param, "--port", str(port), "--quiet", "--no-mining"]
    process = subprocess.Popen([find_anvil(), *arguments], stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        async with Rpc(f"http://127.0.0.1:{port}", timeout=20) as rpc:
            for _ in range(500):
                try:
                    await rpc.request("eth_chainId")
                    break
                except TransportError:
                    await asyncio.sleep(0.02)
            yield request.param, rpc
    finally:
        process.terminate()
        process.wait()


def signed(nonce: int, transaction: dict[str, Any]) -> bytes:
    whole = {"chainId": 31337, "nonce": nonce, "gas": 200_000, "to": BUYER.address, "value": 1, **transaction}
    return bytes(Account.sign_transaction(whole, SELLER.key).raw_transaction)


def with_blob(nonce: int, cell_proofs: bool) -> bytes:
    """A blob of zeros, whose commitment and proofs are the point at infinity (EIP-4844, EIP-7594)."""
    infinity = b"\xc0" + bytes(47)
    named = b"\1" + hashlib.sha256(infinity).digest()[1:]
    number, address = rlp.encode_int, from_hex(BUYER.address)
    fields = [number(31337), number(nonce), b"\1", number(10**10), number(200_000), address, b"\1", b"", []]
    fields += [number(10**10), [named]]
    signature = PrivateKey(SELLER.key).sign_recoverable(b"\3" + rlp.encode(fields), hasher=keccak)
    r, s, parity = signature[:32], signature[32:64], number(signature[64])
    body = [*fields, parity, r.lstrip(b"\0"), s.lstrip(b"\0")]
    blobs: list[rlp.Encodable] = [[bytes(4096 * 32)], [infinity], [infinity] * (128 if cell_proofs else 1)]
    return b"\3" + rlp.encode([body, *([b"\1"] if cell_proofs else []), *blobs])


async def test_real_blocks(fork: tuple[str, Rpc]) -> None:
    name, rpc = fork
    width = WIDTH[name]
    await rpc.request("anvil_setCode", [EMITTER, LOGS])
    transactions = [
        signed(0, {"gasPrice": 10**10}),
        signed(1, {"gasPrice": 10**10, "type": 1, "accessList": []}),
        signed(2, {**FEES, "type": 2}),
    ]
    if width >= 17:
        transactions.append(signed(3, {**FEES, "to": EMITTER}))
    if width >= 20:
        transactions.append(with_blob(4, name == "osaka"))
    if width >= 21:
        permit = Account.sign_authorization({"chainId": 31337, "address": EMITTER, "nonce": 0}, BUYER.key)
        transactions.append(signed(5, {**FEES, "type": 4, "authorizationList": [permit]}))
    for transaction in transactions:
        await rpc.request("eth_sendRawTransaction", [to_hex(transaction)])
    await rpc.request("evm_mine")
    await rpc.request("evm_mine")
    blocks = await rpc.batch([("eth_getBlockByNumber", [hex(n), False]) for n in (1, 2)])
    headers = [header.from_rpc(block) for block in blocks]
    assert [len(rlp.as_list(rlp.decode(found.encode()))) for found in headers] == [width, width]
    assert [found.hash for found in headers] == [from_hex(block["hash"]) for block in blocks]
    header.verify_ancestry(headers, from_hex(blocks[1]["hash"]))
    listed = await rpc.request("eth_getBlockReceipts", ["0x1"])
    found = receipts.block_from_rpc(listed)
    kinds = [transaction[0] if transaction[0] < 0xC0 else 0 for transaction in transactions]
    assert sorted(receipt.type for receipt in found) == sorted(kinds)
    assert (width < 17) == (not any(receipt.logs for receipt in found))
    receipts.verify_block(headers[0], found)
    receipts.verify_block(headers[1], [])
