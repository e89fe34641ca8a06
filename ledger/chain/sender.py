"""Sends transactions of one account: each exactly once, whatever happens between asking and being mined.

    simulate -> take a nonce, sign, write down (one database transaction) -> broadcast -> wait for the receipt

What is written down is enough to finish after a crash at any point: the same signed bytes are sent again, and
the chain takes a nonce once. A simulation that reverts raises before a nonce is taken. `_pass` is the one
place where the log and the chain are compared; everything that can go wrong after the first broadcast is put
right there:

- not mined: broadcast again (dropped from the pool, node restarted, request lost);
- was mined and is not any more (reorganisation, node restarted with older state): opened and broadcast again;
- a nonce that nobody owns below one that waits: filled with an empty transaction to ourselves;
- a nonce spent by a transaction that is not ours: a new nonce, after every block since signing was seen not
  to contain ours, and after `depth` blocks more;
- waiting for long under a fee that is too low: replaced at the same nonce with a higher one, up to the cap.

Any number of processes may share an account through one intent log. Each broadcasts what it has just signed
and written down; comparing log and chain, and all that follows, is for the one that leads, which is asked for
before each comparison and again before its broadcasts. What is *not* survived: an intent log restored from
a backup older than a sent transaction forgets its key.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol, TypeVar

from ledger.chain.abi import ContractError, decode_revert
from ledger.chain.rpc import MalformedAnswer, NodeError, RpcError, from_hex, from_quantity, to_hex

log = logging.getLogger(__name__)
T = TypeVar("T")

FILLER: Final = "filler:"
FILLER_GAS: Final = 21_000
KEY_CHARACTERS: Final = 200
#: Nodes refuse a replacement that does not raise both fees by a tenth; an eighth is safe with all of them.
RAISE: Final = Fraction(9, 8)
#: Blocks looked through below the one at which a transaction was signed, since that one may have been
#: reorganised.
MARGIN: Final = 64
BATCH: Final = 100
#: EIP-1474, limit exceeded.
TOO_BUSY: Final = -32005
NEVER: Final = float("-inf")


class SenderError(Exception):
    """Base of what `Sender` raises."""


class KeyReused(SenderError):
    """The idempotency key belongs to a transaction with other content."""


class CallReverted(SenderError):
    """The call reverts: found by simulation, nothing was sent and no nonce taken. `reason` is the decoded
    error."""

    def __init__(self, key: str, reason: ContractError) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class TransactionReverted(CallReverted):
    """The transaction was mined and reverted; asking again under the same key gives the same answer.

    `reason` comes from running it again on the state before its block: what earlier transactions of that
    block changed is not seen, and it is `UndeclaredError` when that run succeeds.
    """

    def __init__(self, key: str, reason: ContractError, receipt: "Receipt") -> None:
        super().__init__(key, reason)
        self.receipt = receipt


class NotMined(SenderError):
    """No receipt in time. The transaction stays under way: ask again with the same key."""


class WrongChain(SenderError):
    """The node serves another chain than the one this sender was made for."""


class FeeAboveCap(SenderError):
    """The chain asks for more per gas than the cap allows."""


class InsufficientFunds(SenderError):
    """The account cannot pay the value and the gas."""


class Rpc(Protocol):
    """`ledger.chain.rpc.Rpc`, or something in front of it that raises the same errors."""

    async def request(self, method: str, params: Sequence[Any] = ..., /) -> Any: ...
    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], /) -> list[Any]: ...


class Account(Protocol):
    """eth-account's LocalAccount, or a signer elsewhere."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, transaction_dict: Any, /) -> Any: ...


class Call(Protocol):
    """What to send: the bindings' calls are such, `Transaction` is for everything else."""

    @property
    def to(self) -> str | None: ...
    @property
    def data(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Transaction:
    """`to` is an address in hexadecimal, None to create a contract."""

    to: str | None
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction; fees in wei per gas, `since_block` the head when it was signed."""

    hash: bytes
    nonce: int
    raw: bytes
    gas: int
    max_fee: int
    tip: int
    since_block: int
    signed_at: int


class Attempt(Protocol):
    """A signed transaction as the log gives it back."""

    @property
    def hash(self) -> bytes: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def gas(self) -> int: ...
    @property
    def max_fee(self) -> int: ...
    @property
    def tip(self) -> int: ...
    @property
    def since_block(self) -> int: ...
    @property
    def signed_at(self) -> int: ...


class Intent(Protocol):
    """`attempts` are those that may still be mined, oldest first, never empty; the block is None while
    pending."""

    @property
    def key(self) -> str: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def to(self) -> bytes | None: ...
    @property
    def data(self) -> bytes: ...
    @property
    def value(self) -> int: ...
    @property
    def nonce(self) -> int: ...
    @property
    def attempts(self) -> Sequence[Attempt]: ...
    @property
    def mined_hash(self) -> bytes | None: ...
    @property
    def block_number(self) -> int | None: ...
    @property
    def block_hash(self) -> bytes | None: ...
    @property
    def revert_data(self) -> bytes | None: ...


class IntentLog(Protocol):
    """Where intents are written down. Every method is one durable transaction; `ledger.store.intents` has
    one."""

    async def bind(self, chain_id: int, genesis: bytes, address: bytes) -> None: ...
    async def find(self, key: str) -> Intent | None: ...
    async def open(self) -> Sequence[Intent]: ...
    async def newest_final(self, below: int | None = None) -> Intent | None: ...
    async def assign(
        self,
        key: str,
        digest: bytes,
        to: bytes | None,
        data: bytes,
        value: int,
        floor: int,
        sign: Callable[[int], Signed],
    ) -> Intent: ...
    async def fill(
        self, key: str, digest: bytes, to: bytes, nonce: int, sign: Callable[[int], Signed]
    ) -> Intent | None: ...
    async def replace(self, key: str, latest: bytes, signed: Signed) -> Intent | None: ...
    async def reassign(
        self, key: str, latest: bytes, floor: int, sign: Callable[[int], Signed]
    ) -> Intent | None: ...
    async def mined(
        self,
        key: str,
        mined_hash: bytes,
        block_number: int,
        block_hash: bytes,
        succeeded: bool,
        revert_data: bytes | None,
        final: bool,
    ) -> Intent: ...
    async def reopen(self, keys: Iterable[str]) -> None: ...
    async def forget(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Log:
    address: str
    topics: tuple[bytes, ...]
    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of a mined transaction; `contract` is the address it created."""

    key: str
    transaction_hash: bytes
    nonce: int
    block_number: int
    block_hash: bytes
    transaction_index: int
    gas_used: int
    contract: str | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Fees:
    """What to pay per gas, in wei: at most `cap`, of which `tip` to the validator. `Fees()` is for free
    chains.

    Explicit, since nodes differ in what they suggest and some suggest nothing.
    """

    tip: int = 0
    cap: int = 0

    def offer(self, base_fee: int) -> tuple[int, int]:
        """(max fee, tip) that stays good while the base fee doubles. Raises FeeAboveCap."""
        if base_fee + self.tip > self.cap:
            raise FeeAboveCap(f"the chain asks {base_fee} and we tip {self.tip} wei per gas; cap {self.cap}")
        return min(self.cap, 2 * base_fee + self.tip), self.tip

    def within(self, base_fee: int) -> tuple[int, int]:
        """(max fee, tip) as `offer`, or the cap when that is too little: for what has to be signed now."""
        return min(self.cap, 2 * base_fee + self.tip), min(self.cap, self.tip)

    def raised(self, max_fee: int, tip: int, base_fee: int) -> tuple[int, int] | None:
        """(max fee, tip) that replaces a transaction with those given; None when the cap forbids it."""
        lowest_tip = _ceil(tip * RAISE)
        lowest = max(_ceil(max_fee * RAISE), base_fee + lowest_tip)
        if lowest > self.cap or max_fee == base_fee == 0:
            return None
        return min(self.cap, max(lowest, 2 * base_fee + lowest_tip)), lowest_tip


@dataclass(slots=True)
class Pass:
    """What one comparison of log and chain did."""

    reopened: int = 0
    mined: int = 0
    broadcast: int = 0
    filled: int = 0
    replaced: int = 0
    reassigned: int = 0
    waiting: frozenset[str] = frozenset()
    """Keys that are not mined yet."""


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    hash: str
    base_fee: int
    gas_limit: int


class Sender:
    """The one owner of an account's nonces on one chain. Call `recover()` before the first `send`.

    `leads` says whether this process is the one that compares; by default it is. `depth` is how many blocks
    on top make a block final (0: instant finality). Seconds: `timeout` for a
    receipt, `poll` between two looks, `again` between two broadcasts of the same bytes, `stuck` before a fee
    is raised.
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
        fees: Fees = Fees(),
        depth: int = 0,
        timeout: float = 60.0,
        poll: float = 0.25,
        again: float = 2.0,
        stuck: float = 30.0,
    ) -> None:
        self._rpc = rpc
        self._account = account
        self._address = bytes.fromhex(account.address.removeprefix("0x"))
        self._intents = intents
        self._chain_id = chain_id
        self._clock = clock
        self._leads = leads
        self._sleep = sleep
        self._errors = errors or {}
        self._fees = fees
        self._depth = depth
        self._timeout = timeout
        self._poll = poll
        self._again = again
        self._stuck = stuck
        self._genesis: str | None = None
        self._floor = 0
        self._passes = 0
        self._last = Pass()
        self._one_pass = asyncio.Lock()
        self._starting = asyncio.Lock()
        self._sent_at: dict[bytes, float] = {}
        self._spent_since: dict[bytes, int] = {}
        self._answers: dict[bytes, str] = {}

    async def send(self, key: str, call: Call, value: int = 0, *, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - by our clock, and nothing is cancelled
        """Has `call` mined exactly once for this key, and returns its receipt.

        With a known key nothing new is signed: the outcome of the first call is awaited and returned. Raises
        KeyReused, CallReverted, TransactionReverted, InsufficientFunds, FeeAboveCap, WrongChain, NotMined.
        """
        if not 0 < len(key) <= KEY_CHARACTERS or key.startswith(FILLER):
            raise ValueError(f"a key has 1 to {KEY_CHARACTERS} characters and does not begin with {FILLER!r}")
        deadline = self._clock() + (self._timeout if timeout is None else timeout)
        await self._patiently(self._bind, deadline)
        digest = _digest(call, value)
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
        self._sent_at.clear()
        return await self._pass()

    async def settle(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - by our clock
        """Returns when nothing waits to be mined. Raises NotMined."""
        deadline = self._clock() + (self._timeout if timeout is None else timeout)
        while True:
            done = await self._patiently(self.recover if self._genesis is None else self._pass, deadline)
            if not done.waiting:
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
                await self._pass()
            except RpcError as error:
                log.warning("sender: %s", error)
            await self._sleep(every)

    async def _bind(self) -> None:
        async with self._starting:
            if self._genesis is not None:
                return
            chain_id, genesis, count = await self._rpc.batch(
                [
                    ("eth_chainId", []),
                    ("eth_getBlockByNumber", ["0x0", False]),
                    ("eth_getTransactionCount", [self._account.address, "latest"]),
                ]
            )
            if from_quantity(chain_id) != self._chain_id:
                raise WrongChain(
                    f"the node serves chain {from_quantity(chain_id)}, expected {self._chain_id}"
                )
            await self._intents.bind(self._chain_id, from_hex(_head(genesis).hash, 32), self._address)
            self._floor = from_quantity(count)
            self._genesis = _head(genesis).hash

    async def _admit(self, key: str, digest: bytes, call: Call, value: int) -> Intent:
        """Simulates, then takes a nonce, signs and writes down."""
        request = {"from": self._account.address, "data": to_hex(call.data), "value": hex(value)}
        if call.to is not None:
            request["to"] = call.to
        try:
            latest, genesis, counted, balance, estimate = await self._rpc.batch(
                [
                    ("eth_getBlockByNumber", ["latest", False]),
                    ("eth_getBlockByNumber", ["0x0", False]),
                    ("eth_getTransactionCount", [self._account.address, "latest"]),
                    ("eth_getBalance", [self._account.address, "latest"]),
                    ("eth_estimateGas", [request]),
                ]
            )
        except NodeError as error:
            reverted = error.revert_data()
            if reverted is None:
                raise
            # Somebody else may have sent it under this key meanwhile, which is why it reverts now.
            if (found := await self._intents.find(key)) is not None:
                return found
            raise CallReverted(key, self._reason(reverted)) from error
        self._same_chain(genesis)
        self._floor = from_quantity(counted)
        head = _head(latest)
        max_fee, tip = self._fees.offer(head.base_fee)
        # What others change before it is mined may need more gas than now.
        gas = min(from_quantity(estimate) * 5 // 4, head.gas_limit)
        if from_quantity(balance) < value + gas * max_fee:
            raise InsufficientFunds(
                f"{self._account.address} has {from_quantity(balance)} wei, needs {value + gas * max_fee}"
            )
        to = None if call.to is None else from_hex(call.to)
        return await self._intents.assign(
            key,
            digest,
            to,
            call.data,
            value,
            self._floor,
            lambda nonce: self._sign(to, call.data, value, nonce, gas, max_fee, tip, head.number),
        )

    async def _outcome(self, intent: Intent, deadline: float) -> Receipt:
        key = intent.key
        if intent.block_number is None:
            await self._broadcast([intent])
            if (raw := await self._receipt(intent.attempts[-1].hash)) is not None:
                return self._verdict(await self._note(intent, raw, final=self._depth == 0), raw)
        looked = waits = False
        while True:
            if not waits:  # as far as the last pass knows: then look it up
                intent = await self._found(key)
                if intent.mined_hash is not None:
                    raw = await self._receipt(intent.mined_hash)
                    if raw is not None and from_hex(raw["blockHash"]) == intent.block_hash:
                        return self._verdict(intent, raw)
            if self._clock() > deadline:
                latest = intent.attempts[-1].hash
                answer = self._answers.get(latest)
                raise NotMined(
                    f"{key}: transaction {to_hex(latest)} with nonce {intent.nonce} is not mined yet"
                    + (f"; the node says: {answer}" if answer else "")
                )
            if looked:
                await self._sleep(self._poll)
            looked = True
            try:
                waits = key in (await self._pass()).waiting
            except RpcError as error:
                log.info("sender: %s", error)

    async def _pass(self) -> Pass:
        """Compares log and chain once; callers that come while one runs share the next."""
        wanted = self._passes + (2 if self._one_pass.locked() else 1)
        async with self._one_pass:
            if self._passes >= wanted:
                return self._last
            self._last = await self._compare()
            self._passes += 1
            return self._last

    async def _compare(self) -> Pass:
        done = Pass()
        if not await self._acts():
            return done
        latest, genesis, counted = await self._rpc.batch(
            [
                ("eth_getBlockByNumber", ["latest", False]),
                ("eth_getBlockByNumber", ["0x0", False]),
                ("eth_getTransactionCount", [self._account.address, "latest"]),
            ]
        )
        self._same_chain(genesis)
        head, count = _head(latest), from_quantity(counted)
        self._floor = count
        done.reopened = await self._reopen_lost_finals()
        # The log is read after the count, and receipts after the log: a nonce below the count without a
        # receipt is odd.
        opened = await self._intents.open()
        hashes = [attempt.hash for intent in opened for attempt in intent.attempts]
        raws = dict(zip(hashes, await self._many("eth_getTransactionReceipt", hashes), strict=True))
        lost: list[Intent] = []
        waiting: list[Intent] = []
        spent: list[Intent] = []
        for intent in opened:
            raw = next((raws[a.hash] for a in intent.attempts if raws[a.hash] is not None), None)
            if raw is not None:
                final = head.number - from_quantity(raw["blockNumber"]) >= self._depth or self._depth == 0
                if intent.block_hash != from_hex(raw["blockHash"]) or final:
                    await self._note(intent, raw, final)
                    done.mined += intent.block_number is None
                continue
            if intent.block_number is not None:
                lost.append(intent)
            (spent if intent.nonce < count else waiting).append(intent)
        if lost:
            await self._intents.reopen([intent.key for intent in lost])
            self._forget_sent(lost)
            done.reopened += len(lost)
        fillers = await self._fill(head, count, waiting)
        done.filled = len(fillers)
        waiting = sorted([*waiting, *fillers], key=lambda intent: intent.nonce)
        waiting = [await self._raise_fee(intent, head, count, done) for intent in waiting]
        for intent in spent:
            if (moved := await self._give_new_nonce(intent, head, count)) is not None:
                waiting.append(moved)
                done.reassigned += 1
        done.broadcast = await self._broadcast(waiting) if await self._acts() else 0
        done.waiting = frozenset(intent.key for intent in [*waiting, *spent])
        self._spent_since = {
            i.attempts[-1].hash: self._spent_since.get(i.attempts[-1].hash, head.number) for i in spent
        }
        return done

    async def _acts(self) -> bool:
        return self._leads is None or await self._leads()

    async def _reopen_lost_finals(self) -> int:
        """A chain that forgot final blocks (a local node with older state): the newest ones first, until one
        is there."""
        lost: list[Intent] = []
        final = await self._intents.newest_final()
        while final is not None and final.block_number is not None and final.block_hash is not None:
            block = await self._rpc.request("eth_getBlockByNumber", [hex(final.block_number), False])
            if block is not None and from_hex(block["hash"]) == final.block_hash:
                break
            lost.append(final)
            final = await self._intents.newest_final(final.nonce)
        if lost:
            log.warning("sender: the chain has lost %d final transactions; they are sent again", len(lost))
            await self._intents.reopen([intent.key for intent in lost])
            self._forget_sent(lost)
        return len(lost)

    async def _fill(self, head: _Head, count: int, waiting: Sequence[Intent]) -> list[Intent]:
        """Nonces that nobody owns below the highest that waits."""
        owned = {intent.nonce for intent in waiting}
        max_fee, tip = self._fees.within(head.base_fee)
        digest = _digest(Transaction(self._account.address), 0)

        def sign(nonce: int) -> Signed:
            return self._sign(self._address, b"", 0, nonce, FILLER_GAS, max_fee, tip, head.number)

        fillers = []
        for nonce in sorted(set(range(count, max(owned, default=count))) - owned):
            filler = await self._intents.fill(f"{FILLER}{nonce}", digest, self._address, nonce, sign)
            if filler is not None:
                log.warning("sender: nonce %d was nobody's; filled", nonce)
                fillers.append(filler)
        return fillers

    async def _raise_fee(self, intent: Intent, head: _Head, count: int, done: Pass) -> Intent:
        """The intent with a replacement when it waited long and is the first, or pays less than the base
        fee."""
        latest = intent.attempts[-1]
        # The absolute difference, here and below: a clock that is set back must not stop us.
        if abs(self._clock() - latest.signed_at) < self._stuck:
            return intent
        if intent.nonce != count and latest.max_fee >= head.base_fee:
            return intent
        raised = self._fees.raised(latest.max_fee, latest.tip, head.base_fee)
        if raised is None:
            return intent
        signed = self._sign(
            intent.to, intent.data, intent.value, intent.nonce, latest.gas, *raised, latest.since_block
        )
        replaced = await self._intents.replace(intent.key, latest.hash, signed)
        if replaced is None:
            return intent
        done.replaced += 1
        log.info("sender: %s waits at %d wei per gas; raised to %d", intent.key, latest.max_fee, raised[0])
        return replaced

    async def _give_new_nonce(self, intent: Intent, head: _Head, count: int) -> Intent | None:
        """Signs anew when the nonce is provably spent by another transaction."""
        latest = intent.attempts[-1]
        if head.number - self._spent_since.get(latest.hash, head.number) < self._depth:
            return None
        if await self._may_be_included(intent, head):
            return None
        if intent.key.startswith(FILLER):
            await self._intents.forget(intent.key)
            return None
        max_fee, tip = self._fees.within(head.base_fee)
        log.warning("sender: nonce %d of %s was spent elsewhere; it gets another", intent.nonce, intent.key)
        return await self._intents.reassign(
            intent.key,
            latest.hash,
            count,
            lambda nonce: self._sign(
                intent.to, intent.data, intent.value, nonce, latest.gas, max_fee, tip, head.number
            ),
        )

    async def _may_be_included(self, intent: Intent, head: _Head) -> bool:
        """False only when one unbroken chain of blocks, from before signing to `head`, has none of the
        attempts.

        Needs bodies of blocks only, no historical state, which nodes drop.
        """
        ours = {to_hex(attempt.hash) for attempt in intent.attempts}
        first = min(head.number, *(attempt.since_block for attempt in intent.attempts))
        numbers = list(range(max(0, first - max(MARGIN, self._depth)), head.number + 1))
        parent: str | None = None
        for at in range(0, len(numbers), BATCH):
            calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers[at : at + BATCH]]
            for block in await self._rpc.batch(calls):
                if block is None or (parent is not None and block["parentHash"] != parent):
                    return True
                if ours.intersection(block["transactions"]):
                    return True
                parent = block["hash"]
        if parent != head.hash:
            return True
        # That the nonce is spent was seen somewhere near `head`: now at this block, still on the chain.
        number = hex(head.number)
        count = await self._rpc.request("eth_getTransactionCount", [self._account.address, number])
        again = await self._rpc.request("eth_getBlockByNumber", [number, False])
        return from_quantity(count) <= intent.nonce or again is None or again["hash"] != head.hash

    async def _broadcast(self, intents: Sequence[Intent]) -> int:
        """Sends the newest attempt of each that was not sent lately. What the node answers is only
        remembered."""
        now = self._clock()
        due = [
            i.attempts[-1]
            for i in intents
            if abs(now - self._sent_at.get(i.attempts[-1].hash, NEVER)) >= self._again
        ]

        async def one(attempt: Attempt) -> None:
            self._sent_at[attempt.hash] = now
            try:
                await self._rpc.request("eth_sendRawTransaction", [to_hex(attempt.raw)])
                self._answers.pop(attempt.hash, None)
            except RpcError as error:  # the outcome is seen on the chain, not here
                self._answers[attempt.hash] = str(error)
                log.debug("sender: broadcast of %s: %s", to_hex(attempt.hash), error)

        for at in range(0, len(due), BATCH):
            await asyncio.gather(*(one(attempt) for attempt in due[at : at + BATCH]))
        return len(due)

    async def _note(self, intent: Intent, raw: Mapping[str, Any], final: bool) -> Intent:
        """Writes down that it is mined, and why it reverted."""
        succeeded = from_quantity(raw["status"]) == 1
        why = None if succeeded else await self._why(intent, raw)
        noted = await self._intents.mined(
            intent.key,
            from_hex(raw["transactionHash"]),
            from_quantity(raw["blockNumber"]),
            from_hex(raw["blockHash"]),
            succeeded,
            why,
            final,
        )
        for attempt in intent.attempts:
            self._sent_at.pop(attempt.hash, None)
            self._answers.pop(attempt.hash, None)
        return noted

    def _verdict(self, intent: Intent, raw: Mapping[str, Any]) -> Receipt:
        receipt = _receipt(intent, raw)
        if from_quantity(raw["status"]) == 0:
            raise TransactionReverted(intent.key, self._reason(intent.revert_data or b""), receipt)
        return receipt

    async def _why(self, intent: Intent, raw: Mapping[str, Any]) -> bytes | None:
        request = {
            "from": self._account.address,
            "data": to_hex(intent.data),
            "value": hex(intent.value),
            "gas": hex(intent.attempts[-1].gas),
        }
        if intent.to is not None:
            request["to"] = to_hex(intent.to)
        for number in (from_quantity(raw["blockNumber"]) - 1, from_quantity(raw["blockNumber"])):
            try:
                await self._rpc.request("eth_call", [request, hex(number)])
            except NodeError as error:
                if data := error.revert_data():
                    return data
        return None

    async def _found(self, key: str) -> Intent:
        intent = await self._intents.find(key)
        if intent is None:
            raise LookupError(f"{key} is gone from the intent log")
        return intent

    async def _receipt(self, transaction_hash: bytes) -> Mapping[str, Any] | None:
        """The receipt, or None when there is none or the node does not answer."""
        try:
            found: Mapping[str, Any] | None = await self._rpc.request(
                "eth_getTransactionReceipt", [to_hex(transaction_hash)]
            )
        except RpcError as error:  # asked again later
            log.info("sender: %s", error)
            return None
        return found

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

    async def _many(self, method: str, hashes: Sequence[bytes]) -> list[Any]:
        found: list[Any] = []
        for at in range(0, len(hashes), BATCH):
            found += await self._rpc.batch([(method, [to_hex(hash_)]) for hash_ in hashes[at : at + BATCH]])
        return found

    def _sign(
        self,
        to: bytes | None,
        data: bytes,
        value: int,
        nonce: int,
        gas: int,
        max_fee: int,
        tip: int,
        since_block: int,
    ) -> Signed:
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": b"" if to is None else to,
                "data": data,
                "value": value,
                "gas": gas,
                "maxFeePerGas": max_fee,
                "maxPriorityFeePerGas": tip,
            }
        )
        return Signed(
            hash=bytes(signed.hash),
            nonce=nonce,
            raw=bytes(signed.raw_transaction),
            gas=gas,
            max_fee=max_fee,
            tip=tip,
            since_block=since_block,
            signed_at=int(self._clock()),
        )

    def _same_chain(self, genesis: Any) -> None:
        first = _head(genesis).hash
        if first != self._genesis:
            raise WrongChain(f"the node's first block is {first}, it was {self._genesis}")

    def _forget_sent(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            self._sent_at.pop(intent.attempts[-1].hash, None)

    def _reason(self, data: bytes) -> ContractError:
        return decode_revert(self._errors, data)


def _digest(call: Call, value: int) -> bytes:
    """SHA-256 over what a key stands for."""
    to = b"" if call.to is None else from_hex(call.to)
    return hashlib.sha256(bytes([len(to)]) + to + value.to_bytes(32) + call.data).digest()


def _head(block: Any) -> _Head:
    if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
        raise MalformedAnswer("the node gives no block where there must be one")
    return _Head(
        from_quantity(block["number"]),
        block["hash"],
        from_quantity(block.get("baseFeePerGas", "0x0")),
        from_quantity(block["gasLimit"]),
    )


def _receipt(intent: Intent, raw: Mapping[str, Any]) -> Receipt:
    return Receipt(
        key=intent.key,
        transaction_hash=from_hex(raw["transactionHash"]),
        nonce=intent.nonce,
        block_number=from_quantity(raw["blockNumber"]),
        block_hash=from_hex(raw["blockHash"]),
        transaction_index=from_quantity(raw["transactionIndex"]),
        gas_used=from_quantity(raw["gasUsed"]),
        contract=raw.get("contractAddress"),
        logs=tuple(
            Log(
                address=entry["address"],
                topics=tuple(from_hex(topic) for topic in entry["topics"]),
                data=from_hex(entry["data"]),
                index=from_quantity(entry["logIndex"]),
            )
            for entry in raw["logs"]
        ),
    )


def _may_pass(error: RpcError) -> bool:
    """Whether asking again may help: no answer, or one that says the node is too busy."""
    return not isinstance(error, NodeError) or error.code == TOO_BUSY


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
