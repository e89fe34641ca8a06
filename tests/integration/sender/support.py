"""A real anvil, a JSON-RPC connection with faults on request, and a contract that reverts on purpose."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from ledger.chain.abi import ContractError, Param
from ledger.chain.devnet import find_anvil
from ledger.chain.rpc import NodeError, Rpc, TransportError
from ledger.chain.sender import Fees, Sender
from ledger.store.database import Database
from ledger.store.intents import IntentLog

CHAIN_ID = 20_7001
FREE = ("--gas-price", "0", "--base-fee", "0")
OWNER: LocalAccount = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


class FaultyRpc:
    """Drops, delays, duplicates and errors a share of all requests, before or after the node saw them."""

    def __init__(self, inner: Rpc, random: Random, share: float) -> None:
        self._inner, self._random, self._share = inner, random, share
        self.faults = 0

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        return await self._faulty(lambda: self._inner.request(method, params))

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        answers: list[Any] = await self._faulty(lambda: self._inner.batch(calls))
        return answers

    async def _faulty(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        if self._random.random() > self._share:
            return await ask()
        self.faults += 1
        kind = self._random.choice(["lost", "unanswered", "twice", "busy", "late"])
        if kind == "lost":
            raise TransportError("lost on the way there")
        if kind == "busy":
            raise NodeError(-32005, "too many requests")
        if kind == "late":
            await asyncio.sleep(self._random.random() / 20)
        answer = await ask()
        if kind == "unanswered":
            raise TransportError("lost on the way back")
        return await ask() if kind == "twice" else answer


class Interfering:
    """Runs `before` ahead of every request: it may raise, or give an answer instead of the node."""

    def __init__(self, inner: Rpc, before: Callable[[str, Sequence[Any]], Any]) -> None:
        self._inner, self._before = inner, before

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        answer = self._before(method, params)
        return await self._inner.request(method, params) if answer is None else answer[0]

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [await self.request(method, params) for method, params in calls]


class Node:
    """anvil on a free port."""

    def __init__(self, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [
            str(find_anvil()),
            "--silent",
            "--port",
            str(port),
            "--chain-id",
            str(CHAIN_ID),
            *arguments,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        self.rpc = Rpc(self.url)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    async def balance(self, address: str) -> int:
        return int(await self.rpc.request("eth_getBalance", [address, "latest"]), 16)

    async def count(self) -> int:
        return int(await self.rpc.request("eth_getTransactionCount", [OWNER.address, "latest"]), 16)

    async def foreign(self, nonce: int, **fields: Any) -> None:
        """A transaction of the same account that the sender knows nothing of, mined."""
        unsigned: dict[str, Any] = {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": bytes.fromhex(payee(10**6)[2:]),
            "value": 5,
            "data": b"",
            "gas": 21_000,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
        }
        raw = OWNER.sign_transaction(unsigned | fields).raw_transaction
        sent = await self.rpc.request("eth_sendRawTransaction", ["0x" + raw.hex()])
        for _ in range(1000):
            if await self.rpc.request("eth_getTransactionReceipt", [sent]) is not None:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a transaction of somebody else is not mined")


def payee(number: int) -> str:
    """An address of its own for each payment: a balance of 1 wei shows that it was made exactly once."""
    return "0x" + keccak(f"payee {number}".encode())[-20:].hex()


def sender(rpc: Any, database: Database, **options: Any) -> Sender:
    settings: dict[str, Any] = {
        "clock": time.time,
        "poll": 0.02,
        "again": 0.1,
        "errors": {Nope.selector: Nope},
    }
    return Sender(rpc, OWNER, IntentLog(database), CHAIN_ID, **(settings | options))


class Nope(ContractError):
    selector = keccak(b"Nope(uint256)")[:4]
    abi_name = "Nope"
    abi_params = (Param("code", "uint256"),)
    code: int


#: Called without data it closes itself; called with data it reverts with Nope(7) once it is closed.
DOOR = bytes.fromhex(
    "6028600c60003960286000f3"
    "36600a57600160005500"
    "5b600054601257005b"
    "63" + Nope.selector.hex() + "60e01b6000526007600452" + "60246000fd"
)

MARKET = Fees(tip=1_000_000_000, cap=500_000_000_000)
