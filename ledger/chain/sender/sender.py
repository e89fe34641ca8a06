"""Has calls mined exactly once, by key."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from ledger.chain.abi import ContractError, decode_revert
from ledger.chain.rpc import NodeError, RpcError, from_hex, from_quantity, to_hex
from ledger.chain.sender.comparison import Comparison, Pass
from ledger.chain.sender.errors import (
    CallReverted,
    InsufficientFunds,
    KeyReused,
    NotMined,
    TransactionReverted,
)
from ledger.chain.sender.fees import Fees
from ledger.chain.sender.intents import FILLER, Call, IntentLog, digest_of
from ledger.chain.sender.node import Node, Rpc
from ledger.chain.sender.receipts import Receipt, receipt_of
from ledger.chain.sender.signer import Account, Signer
from ledger.domain.intent import KEY_CHARACTERS, Intent

log = logging.getLogger(__name__)
T = TypeVar("T")

#: EIP-1474, limit exceeded.
TOO_BUSY: Final = -32005
FREE: Final = Fees()


class Sender:
    """The one owner of an account's nonces on one chain. Call `recover()` before the first `send`.

    `leads` says whether this process is the one that compares; by default it is. `depth` is how many blocks
    on top make a block final (0: instant finality). Seconds: `timeout` for a receipt, `poll` between two
    looks, `again` between two broadcasts of the same bytes, `stuck` before a fee is raised.
    """

    def __init__(
        self,
        rpc: Rpc,
        account: Account,
        intents: IntentLog,
        chain_id: int,
        *,
        clock: Callable[[], float],
        leads: Callable[[], Awaitable[bool]] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        errors: Mapping[bytes, type[ContractError]] | None = None,
        fees: Fees = FREE,
        depth: int = 0,
        timeout: float = 60.0,
        poll: float = 0.25,
        again: float = 2.0,
        stuck: float = 30.0,
    ) -> None:
        self._node = Node(rpc, chain_id, account.address)
        self._signer = Signer(account, chain_id, clock)
        self._intents = intents
        self._chain_id = chain_id
        self._clock = clock
        self._sleep = sleep
        self._errors = errors or {}
        self._fees = fees
        self._depth = depth
        self._timeout = timeout
        self._poll = poll
        self._starting = asyncio.Lock()
        self._comparison = Comparison(
            self._node,
            self._signer,
            intents,
            clock=clock,
            leads=leads,
            fees=fees,
            depth=depth,
            again=again,
            stuck=stuck,
        )

    async def send(self, key: str, call: Call, value: int = 0, *, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - by our clock, and nothing is cancelled
        """Has `call` mined exactly once for this key, and returns its receipt.

        With a known key nothing new is signed: the outcome of the first call is awaited and returned. Raises
        KeyReused, CallReverted, TransactionReverted, InsufficientFunds, FeeAboveCap, WrongChain, NotMined.
        """
        if not 0 < len(key) <= KEY_CHARACTERS or key.startswith(FILLER):
            raise ValueError(f"a key has 1 to {KEY_CHARACTERS} characters and does not begin with {FILLER!r}")
        deadline = self._clock() + (self._timeout if timeout is None else timeout)
        await self._patiently(self._bind, deadline)
        digest = digest_of(call, value)
        intent = await self._intents.find(key)
        if intent is None:
            intent = await self._patiently(lambda: self._admit(key, digest, call, value), deadline)
        if intent.digest != digest:
            raise KeyReused(f"{key} was used for another transaction, {to_hex(intent.attempts[-1].hash)}")
        return await self._outcome(intent, deadline)

    async def recover(self) -> Pass:
        """Takes up what an earlier process left: broadcasts all that is not mined. Once, before the first
        `send`."""
        await self._bind()
        self._comparison.forget_sent()
        return await self._comparison.run()

    async def settle(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - by our clock
        """Returns when nothing waits to be mined. Raises NotMined."""
        deadline = self._clock() + (self._timeout if timeout is None else timeout)
        while True:
            compare = self._comparison.run if self._node.bound else self.recover
            if not (done := await self._patiently(compare, deadline)).waiting:
                return
            if self._clock() > deadline:
                raise NotMined(f"{len(done.waiting)} transactions still wait")
            await self._sleep(self._poll)

    async def watch(self, every: float = 1.0) -> None:
        """Compares log and chain for ever: what nobody waits for any more is driven on, and reorganisations
        found."""
        while True:
            try:
                await self._bind()
                await self._comparison.run()
            except RpcError as error:
                log.warning("sender: %s", error)
            await self._sleep(every)

    async def _bind(self) -> None:
        async with self._starting:
            if not self._node.bound:
                genesis = await self._node.first_look()
                await self._intents.bind(self._chain_id, from_hex(genesis, 32), self._signer.address)
                self._node.bind(genesis)

    async def _admit(self, key: str, digest: bytes, call: Call, value: int) -> Intent:
        """Simulates, then takes a nonce, signs and writes down."""
        try:
            found = await self._node.simulate(call.to, call.data, value)
        except NodeError as error:
            reverted = error.revert_data()
            if reverted is None:
                raise
            # Somebody else may have sent it under this key meanwhile, which is why it reverts now.
            if (earlier := await self._intents.find(key)) is not None:
                return earlier
            raise CallReverted(key, decode_revert(self._errors, reverted)) from error
        head = found.head
        fees = self._fees.offer(head.base_fee)
        # What others change before it is mined may need more gas than now.
        gas = min(found.gas * 5 // 4, head.gas_limit)
        if found.balance < value + gas * fees[0]:
            raise InsufficientFunds(
                f"{self._node.address} has {found.balance} wei, needs {value + gas * fees[0]}"
            )
        to = None if call.to is None else from_hex(call.to)
        return await self._intents.assign(
            key,
            digest,
            to,
            call.data,
            value,
            found.nonces,
            lambda nonce: self._signer.sign(to, call.data, value, nonce, gas, fees, head.number),
        )

    async def _outcome(self, intent: Intent, deadline: float) -> Receipt:
        key = intent.key
        if intent.block_number is None:
            await self._comparison.broadcast([intent])
            if (raw := await self._node.receipt(intent.attempts[-1].hash)) is not None:
                return self._verdict(await self._comparison.note(intent, raw, final=self._depth == 0), raw)
        looked = waits = False
        while True:
            if not waits:  # as far as the last pass knows: then look it up
                intent = await self._found(key)
                if intent.mined_hash is not None:
                    raw = await self._node.receipt(intent.mined_hash)
                    if raw is not None and from_hex(raw["blockHash"]) == intent.block_hash:
                        return self._verdict(intent, raw)
            if self._clock() > deadline:
                latest = intent.attempts[-1].hash
                answer = self._comparison.answer(latest)
                raise NotMined(
                    f"{key}: transaction {to_hex(latest)} with nonce {intent.nonce} is not mined yet"
                    + (f"; the node says: {answer}" if answer else "")
                )
            if looked:
                await self._sleep(self._poll)
            looked = True
            try:
                waits = key in (await self._comparison.run()).waiting
            except RpcError as error:
                log.info("sender: %s", error)

    def _verdict(self, intent: Intent, raw: Mapping[str, Any]) -> Receipt:
        receipt = receipt_of(intent.key, intent.nonce, raw)
        if from_quantity(raw["status"]) == 0:
            reason = decode_revert(self._errors, intent.revert_data or b"")
            raise TransactionReverted(intent.key, reason, receipt)
        return receipt

    async def _found(self, key: str) -> Intent:
        intent = await self._intents.find(key)
        if intent is None:
            raise LookupError(f"{key} is gone from the intent log")
        return intent

    async def _patiently(self, action: Callable[[], Awaitable[T]], deadline: float) -> T:
        """Tries again while the node does not answer; what the node or we refuse is raised."""
        while True:
            try:
                return await action()
            except RpcError as error:
                if not _may_pass(error) or self._clock() > deadline:
                    raise
                log.info("sender: %s", error)
            await self._sleep(self._poll)


def _may_pass(error: RpcError) -> bool:
    """Whether asking again may help: no answer, or one that says the node is too busy."""
    return not isinstance(error, NodeError) or error.code == TOO_BUSY
