"""Erasure that coexists with a ledger (R23): a payload's key is destroyed, the record of its sales stays.

    ask        from this transaction on no key is released (R22), and a clock of 72 hours runs
    take back  while nothing is destroyed yet: what cannot be undone does not happen at the first word
    carry out  after a while the share of the key is destroyed in every place, and the custodian signs that

Carrying out may die anywhere and is done again; it is not done until every place has confirmed.
"""

import logging
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ledger.domain.deposit import Payload
from ledger.domain.erasure import Erasure, NotSeller
from ledger.keys.port import CustodyUnavailable
from ledger.keys.shares import DataKeys
from ledger.services.deposits import Custodian
from ledger.services.ports import Begin, Clock

LOG: Final = logging.getLogger("socai.erasures")


class ErasureStore(Protocol):
    async def payload(self, root: bytes) -> Payload: ...
    async def ask(self, erasure: Erasure) -> Erasure: ...
    async def find(self, root: bytes) -> Erasure: ...
    async def of(self, seller: bytes) -> list[Erasure]: ...
    async def take_back(self, root: bytes) -> None: ...
    async def waiting(self, until: int) -> list[Erasure]: ...
    async def begin(self, deposit: bytes) -> bool: ...
    async def done(self, erasure: Erasure) -> None: ...


@dataclass(frozen=True, slots=True)
class Erasures:
    """`listings`: 20 bytes. `wait_seconds`: how long a request can be taken back."""

    chain_id: int
    listings: bytes
    write: Begin[ErasureStore]
    read: Begin[ErasureStore]
    keys: DataKeys
    custodian: Custodian
    clock: Clock
    wait_seconds: int

    async def ask(self, root: bytes, seller: bytes, reason: str) -> Erasure:
        """Asked again, the first request stands. Raises PayloadUnknown, NotSeller."""
        async with self.write() as erasures:
            payload = await erasures.payload(root)
            _check(payload.seller, seller)
            return await erasures.ask(Erasure(payload.deposit, root, seller, reason, int(self.clock())))

    async def take_back(self, root: bytes, seller: bytes) -> None:
        """Raises ErasureUnknown, NotSeller, ErasureDone."""
        async with self.write() as erasures:
            _check((await erasures.find(root)).seller, seller)
            await erasures.take_back(root)

    async def find(self, root: bytes) -> Erasure:
        """Raises ErasureUnknown."""
        async with self.read() as erasures:
            return await erasures.find(root)

    async def of(self, seller: bytes) -> list[Erasure]:
        """All that the seller asked for, the oldest first."""
        async with self.read() as erasures:
            return await erasures.of(seller)

    async def carry_out(self) -> int:
        """Destroys what has waited long enough; how many. What cannot be destroyed now keeps its clock."""
        async with self.read() as erasures:
            waiting = await erasures.waiting(int(self.clock()) - self.wait_seconds)
        count = 0
        for asked in waiting:
            async with self.write() as erasures:
                if not await erasures.begin(asked.deposit):
                    continue
            try:
                await self.keys.erase(asked.deposit)
            except CustodyUnavailable:
                LOG.warning("payload not erased yet")
                continue
            done = replace(asked, erased_at=int(self.clock()))
            signature = await self.custodian.sign(done.digest(self.chain_id, self.listings))
            async with self.write() as erasures:
                await erasures.done(replace(done, signature=signature))
            count += 1
        return count


def _check(owner: bytes, account: bytes) -> None:
    if owner != account:
        raise NotSeller("only who deposited a payload has it erased")
