"""Complete deposits that no listing claims are thrown away.

A listing claims a deposit by a custody receipt, and the chain takes none after its deadline. So once the last
receipt that was ever signed for a deposit is over by the clock of a final block, and that block knows no
listing with it, no listing will ever claim it. A fresh receipt and the collection cannot both happen: each
changes the same row first.

Killed anywhere, the next run goes on: a payload that is being collected stays marked until all of it is gone.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.deposit import Payload
from ledger.domain.entitlement import Block
from ledger.keys.shares import DataKeys
from ledger.objects.port import ObjectNotFound, ObjectStore
from ledger.services.ports import Begin, Clock


class Claims(Protocol):
    async def of(self, deposits: Sequence[bytes]) -> tuple[Block, set[bytes]]:
        """Those of `deposits` that listings claim at the newest final block. Raises Undecidable."""
        ...


class UnclaimedStore(Protocol):
    async def receipts_over(self, held_until: int) -> list[tuple[Payload, int]]:
        """Payloads held since `held_until` or longer and not erased, with the end of their last receipt."""
        ...

    async def give_up(self, deposit: bytes, receipt_until: int) -> bool:
        """No receipt is signed any more; False when one was meanwhile."""
        ...

    async def given_up(self) -> list[Payload]: ...
    async def drop(self, deposit: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """`grace_seconds`: how long a payload is held at least."""

    write: Begin[UnclaimedStore]
    read: Begin[UnclaimedStore]
    claims: Claims
    objects: ObjectStore
    keys: DataKeys
    clock: Clock
    grace_seconds: int

    async def collect(self) -> int:
        """Throws away what nobody can claim any more; how many. Raises Undecidable, CustodyUnavailable."""
        async with self.read() as payloads:
            held = await payloads.receipts_over(int(self.clock()) - self.grace_seconds)
        if held:
            block, claimed = await self.claims.of([payload.deposit for payload, _ in held])
            for payload, until in held:
                if until < block.time and payload.deposit not in claimed:
                    async with self.write() as payloads:
                        await payloads.give_up(payload.deposit, until)
        async with self.read() as payloads:
            gone = await payloads.given_up()
        for payload in gone:
            await self.keys.erase(payload.deposit)
            with suppress(ObjectNotFound):
                await self.objects.delete(payload.object)
            async with self.write() as payloads:
                await payloads.drop(payload.deposit)
        return len(gone)
