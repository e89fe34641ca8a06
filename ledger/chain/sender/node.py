"""The account and the chain as a node tells of them, held to one chain."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.chain.rpc import MalformedAnswer, NodeError, RpcError, from_hex, from_quantity, to_hex
from ledger.chain.sender.errors import WrongChain
from ledger.domain.intent import Intent

log = logging.getLogger(__name__)

#: Blocks looked through below the one at which a transaction was signed, since that one may have been
#: reorganised.
MARGIN: Final = 64
BATCH: Final = 100

LATEST: Final = ("eth_getBlockByNumber", ["latest", False])
FIRST: Final = ("eth_getBlockByNumber", ["0x0", False])


class Rpc(Protocol):
    """`ledger.chain.rpc.Rpc`, or something in front of it that raises the same errors."""

    async def request(self, method: str, params: Sequence[Any] = ..., /) -> Any: ...
    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], /) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block."""

    number: int
    hash: str
    base_fee: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a simulation found; `nonces` is how many the account has spent, gas and wei."""

    head: Head
    nonces: int
    balance: int
    gas: int


class Node:
    """Every method raises RpcError unless it says otherwise, and WrongChain when the first block is not the
    one seen by `bind`."""

    def __init__(self, rpc: Rpc, chain_id: int, address: str) -> None:
        self.rpc = rpc
        self.address = address
        self._chain_id = chain_id
        self._counted = ("eth_getTransactionCount", [address, "latest"])
        self._genesis: str | None = None

    async def first_look(self) -> str:
        """The hash of the first block. Raises WrongChain for another chain id."""
        chain_id, first = await self.rpc.batch([("eth_chainId", []), FIRST])
        if from_quantity(chain_id) != self._chain_id:
            raise WrongChain(f"the node serves chain {from_quantity(chain_id)}, expected {self._chain_id}")
        return _head(first).hash

    def bind(self, genesis: str) -> None:
        """From now on a node with another first block is refused."""
        self._genesis = genesis

    @property
    def bound(self) -> bool:
        return self._genesis is not None

    async def look(self) -> tuple[Head, int]:
        """The newest block, and how many nonces are spent."""
        latest, first, count = await self.rpc.batch([LATEST, FIRST, self._counted])
        self._same_chain(first)
        return _head(latest), from_quantity(count)

    async def simulate(self, to: str | None, data: bytes, value: int) -> Prospect:
        balance = ("eth_getBalance", [self.address, "latest"])
        estimate = ("eth_estimateGas", [self._request(to, data, value)])
        latest, first, count, owned, gas = await self.rpc.batch(
            [LATEST, FIRST, self._counted, balance, estimate]
        )
        self._same_chain(first)
        return Prospect(_head(latest), from_quantity(count), from_quantity(owned), from_quantity(gas))

    async def why(self, intent: Intent, block_number: int) -> bytes | None:
        """What it reverts with when run on the state before its block, or after; None when it does not."""
        to = None if intent.to is None else to_hex(intent.to)
        request = self._request(to, intent.data, intent.value) | {"gas": hex(intent.attempts[-1].gas)}
        for number in (block_number - 1, block_number):
            try:
                await self.rpc.request("eth_call", [request, hex(number)])
            except NodeError as error:
                if data := error.revert_data():
                    return data
        return None

    async def receipt(self, transaction_hash: bytes) -> Mapping[str, Any] | None:
        """None when there is none or the node does not answer."""
        try:
            found: Mapping[str, Any] | None = await self.rpc.request(
                "eth_getTransactionReceipt", [to_hex(transaction_hash)]
            )
        except RpcError as error:  # asked again later
            log.info("sender: %s", error)
            return None
        return found

    async def receipts(self, hashes: Sequence[bytes]) -> dict[bytes, Mapping[str, Any] | None]:
        found: list[Any] = []
        for at in range(0, len(hashes), BATCH):
            asked = [("eth_getTransactionReceipt", [to_hex(one)]) for one in hashes[at : at + BATCH]]
            found += await self.rpc.batch(asked)
        return dict(zip(hashes, found, strict=True))

    async def has_block(self, number: int, block_hash: bytes) -> bool:
        block = await self.rpc.request("eth_getBlockByNumber", [hex(number), False])
        return block is not None and from_hex(block["hash"]) == block_hash

    async def may_include(self, intent: Intent, head: Head, depth: int) -> bool:
        """False only when one unbroken chain of blocks, from before signing to `head`, has none of the
        attempts.

        Needs bodies of blocks only, no historical state, which nodes drop.
        """
        ours = {to_hex(attempt.hash) for attempt in intent.attempts}
        first = min(head.number, *(attempt.since_block for attempt in intent.attempts))
        numbers = list(range(max(0, first - max(MARGIN, depth)), head.number + 1))
        parent: str | None = None
        for at in range(0, len(numbers), BATCH):
            calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers[at : at + BATCH]]
            for block in await self.rpc.batch(calls):
                if block is None or (parent is not None and block["parentHash"] != parent):
                    return True
                if ours.intersection(block["transactions"]):
                    return True
                parent = block["hash"]
        if parent != head.hash:
            return True
        # That the nonce is spent was seen somewhere near `head`: now at this block, still on the chain.
        count = await self.rpc.request("eth_getTransactionCount", [self.address, hex(head.number)])
        return from_quantity(count) <= intent.nonce or not await self.has_block(
            head.number, from_hex(head.hash)
        )

    def _request(self, to: str | None, data: bytes, value: int) -> dict[str, str]:
        request = {"from": self.address, "data": to_hex(data), "value": hex(value)}
        return request if to is None else request | {"to": to}

    def _same_chain(self, first: Any) -> None:
        if (found := _head(first).hash) != self._genesis:
            raise WrongChain(f"the node's first block is {found}, it was {self._genesis}")


def _head(block: Any) -> Head:
    if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
        raise MalformedAnswer("the node gives no block where there must be one")
    return Head(
        from_quantity(block["number"]),
        block["hash"],
        from_quantity(block.get("baseFeePerGas", "0x0")),
        from_quantity(block["gasLimit"]),
    )
