"""The one place where the intent log and the chain are compared, and put right where they differ."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.chain.rpc import RpcError, from_hex, from_quantity, to_hex
from ledger.chain.sender.fees import Fees
from ledger.chain.sender.intents import FILLER, IntentLog, Transaction, digest_of
from ledger.chain.sender.node import BATCH, Head, Node
from ledger.chain.sender.signer import Signer
from ledger.domain.intent import Intent, Signed

log = logging.getLogger(__name__)

FILLER_GAS: Final = 21_000
NEVER: Final = float("-inf")


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


class Comparison:
    """Compares for all who ask, one at a time. What it remembers between two comparisons (when which bytes
    were broadcast, what the node said) may be lost at any time. Parameters as of `Sender`."""

    def __init__(
        self,
        node: Node,
        signer: Signer,
        intents: IntentLog,
        *,
        clock: Callable[[], float],
        leads: Callable[[], Awaitable[bool]] | None,
        fees: Fees,
        depth: int,
        again: float,
        stuck: float,
    ) -> None:
        self._node = node
        self._signer = signer
        self._intents = intents
        self._clock = clock
        self._leads = leads
        self._fees = fees
        self._depth = depth
        self._again = again
        self._stuck = stuck
        self._passes = 0
        self._last = Pass()
        self._one_pass = asyncio.Lock()
        self._sent_at: dict[bytes, float] = {}
        self._spent_since: dict[bytes, int] = {}
        self._answers: dict[bytes, str] = {}

    async def run(self) -> Pass:
        """Compares once; callers that come while one runs share the next. Raises RpcError."""
        wanted = self._passes + (2 if self._one_pass.locked() else 1)
        async with self._one_pass:
            if self._passes >= wanted:
                return self._last
            self._last = await self._compare()
            self._passes += 1
            return self._last

    async def broadcast(self, intents: Sequence[Intent]) -> int:
        """Sends the newest attempt of each that was not sent lately. What the node answers is only
        remembered."""
        now = self._clock()
        due = [
            i.attempts[-1]
            for i in intents
            if abs(now - self._sent_at.get(i.attempts[-1].hash, NEVER)) >= self._again
        ]

        async def one(attempt: Signed) -> None:
            self._sent_at[attempt.hash] = now
            try:
                await self._node.rpc.request("eth_sendRawTransaction", [to_hex(attempt.raw)])
                self._answers.pop(attempt.hash, None)
            except RpcError as error:  # the outcome is seen on the chain, not here
                self._answers[attempt.hash] = str(error)
                log.debug("sender: broadcast of %s: %s", to_hex(attempt.hash), error)

        for at in range(0, len(due), BATCH):
            await asyncio.gather(*(one(attempt) for attempt in due[at : at + BATCH]))
        return len(due)

    async def note(self, intent: Intent, receipt: Mapping[str, Any], final: bool) -> Intent:
        """Writes down that it is mined, and why it reverted."""
        number = from_quantity(receipt["blockNumber"])
        succeeded = from_quantity(receipt["status"]) == 1
        noted = await self._intents.mined(
            intent.key,
            from_hex(receipt["transactionHash"]),
            number,
            from_hex(receipt["blockHash"]),
            succeeded,
            None if succeeded else await self._node.why(intent, number),
            final,
        )
        for attempt in intent.attempts:
            self._sent_at.pop(attempt.hash, None)
            self._answers.pop(attempt.hash, None)
        return noted

    def answer(self, transaction_hash: bytes) -> str | None:
        """What the node last said against it."""
        return self._answers.get(transaction_hash)

    def forget_sent(self) -> None:
        """All that waits is due for a broadcast."""
        self._sent_at.clear()

    async def _compare(self) -> Pass:
        done = Pass()
        if not await self._acts():
            return done
        head, count = await self._node.look()
        done.reopened = await self._reopen_lost_finals()
        # The log is read after the count, and receipts after the log: a nonce below the count without a
        # receipt is odd.
        opened = await self._intents.open()
        receipts = await self._node.receipts([a.hash for intent in opened for a in intent.attempts])
        lost: list[Intent] = []
        waiting: list[Intent] = []
        spent: list[Intent] = []
        for intent in opened:
            found = (receipts[attempt.hash] for attempt in intent.attempts)
            if (receipt := next((one for one in found if one is not None), None)) is not None:
                final = self._depth == 0 or head.number - from_quantity(receipt["blockNumber"]) >= self._depth
                if intent.block_hash != from_hex(receipt["blockHash"]) or final:
                    await self.note(intent, receipt, final)
                    done.mined += intent.block_number is None
                continue
            if intent.block_number is not None:
                lost.append(intent)
            (spent if intent.nonce < count else waiting).append(intent)
        if lost:
            await self._reopen(lost)
            done.reopened += len(lost)
        fillers = await self._fill(head, count, waiting)
        done.filled = len(fillers)
        waiting = sorted([*waiting, *fillers], key=lambda intent: intent.nonce)
        waiting = [await self._raise_fee(intent, head, count, done) for intent in waiting]
        for intent in spent:
            if (moved := await self._give_new_nonce(intent, head, count)) is not None:
                waiting.append(moved)
                done.reassigned += 1
        done.broadcast = await self.broadcast(waiting) if await self._acts() else 0
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
            if await self._node.has_block(final.block_number, final.block_hash):
                break
            lost.append(final)
            final = await self._intents.newest_final(final.nonce)
        if lost:
            log.warning("sender: the chain has lost %d final transactions; they are sent again", len(lost))
            await self._reopen(lost)
        return len(lost)

    async def _reopen(self, lost: Sequence[Intent]) -> None:
        await self._intents.reopen([intent.key for intent in lost])
        for intent in lost:
            self._sent_at.pop(intent.attempts[-1].hash, None)

    async def _fill(self, head: Head, count: int, waiting: Sequence[Intent]) -> list[Intent]:
        """Nonces that nobody owns below the highest that waits."""
        owned = {intent.nonce for intent in waiting}
        to, fees = self._signer.address, self._fees.within(head.base_fee)
        digest = digest_of(Transaction(to_hex(to)), 0)

        def sign(nonce: int) -> Signed:
            return self._signer.sign(to, b"", 0, nonce, FILLER_GAS, fees, head.number)

        fillers = []
        for nonce in sorted(set(range(count, max(owned, default=count))) - owned):
            filler = await self._intents.fill(f"{FILLER}{nonce}", digest, to, nonce, sign)
            if filler is not None:
                log.warning("sender: nonce %d was nobody's; filled", nonce)
                fillers.append(filler)
        return fillers

    async def _raise_fee(self, intent: Intent, head: Head, count: int, done: Pass) -> Intent:
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
        signed = self._signer.sign(
            intent.to, intent.data, intent.value, intent.nonce, latest.gas, raised, latest.since_block
        )
        replaced = await self._intents.replace(intent.key, latest.hash, signed)
        if replaced is None:
            return intent
        done.replaced += 1
        log.info("sender: %s waits at %d wei per gas; raised to %d", intent.key, latest.max_fee, raised[0])
        return replaced

    async def _give_new_nonce(self, intent: Intent, head: Head, count: int) -> Intent | None:
        """Signs anew when the nonce is provably spent by another transaction."""
        latest = intent.attempts[-1]
        if head.number - self._spent_since.get(latest.hash, head.number) < self._depth:
            return None
        if await self._node.may_include(intent, head, self._depth):
            return None
        if intent.key.startswith(FILLER):
            await self._intents.forget(intent.key)
            return None
        fees = self._fees.within(head.base_fee)
        log.warning("sender: nonce %d of %s was spent elsewhere; it gets another", intent.nonce, intent.key)
        return await self._intents.reassign(
            intent.key,
            latest.hash,
            count,
            lambda nonce: self._signer.sign(
                intent.to, intent.data, intent.value, nonce, latest.gas, fees, head.number
            ),
        )
