"""A process that sends, and is killed: by its parent at any moment, or by itself at a named step.

python -m tests.integration.sender.victim URL DATABASE FIRST COUNT CONCURRENCY [STEP]
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from ledger.chain.rpc import Rpc
from ledger.chain.sender import Sender, Transaction
from ledger.domain.intent import Intent
from ledger.store.database import Database
from ledger.store.intents import IntentLog
from tests.integration.sender.support import CHAIN_ID, OWNER, payee

STEPS = (
    "before persist",
    "inside persist",
    "after persist",
    "after broadcast",
    "after receipt",
    "after note",
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingRpc(Rpc):
    step = ""

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        answer = await super().request(method, params)
        if self.step == "after broadcast" and method == "eth_sendRawTransaction":
            die()
        if self.step == "after receipt" and method == "eth_getTransactionReceipt" and answer is not None:
            die()
        return answer


class DyingLog(IntentLog):
    step = ""

    async def assign(self, *arguments: Any) -> Intent:
        if self.step == "before persist":
            die()
        if self.step == "inside persist":
            *rest, sign = arguments

            def signed(nonce: int) -> Any:
                sign(nonce)
                die()

            arguments = (*rest, signed)
        intent = await super().assign(*arguments)
        if self.step == "after persist":
            die()
        return intent

    async def mined(self, *arguments: Any) -> Intent:
        intent = await super().mined(*arguments)
        if self.step == "after note":
            die()
        return intent


async def main() -> None:
    url, database_url, first, count, concurrency, *step = sys.argv[1:]
    rpc, database = DyingRpc(url), Database(database_url)
    log = DyingLog(database)
    sender = Sender(rpc, OWNER, log, CHAIN_ID, clock=time.time, poll=0.02, again=0.1)
    await sender.recover()
    rpc.step = log.step = step[0] if step else ""
    room = asyncio.Semaphore(int(concurrency))
    print("sending", flush=True)  # noqa: T201 - tells the parent

    async def pay(number: int) -> None:
        async with room:
            await sender.send(f"pay-{number}", Transaction(payee(number)), 1)
            print(number, flush=True)  # noqa: T201

    await asyncio.gather(*(pay(number) for number in range(int(first), int(first) + int(count))))


if __name__ == "__main__":
    asyncio.run(main())
