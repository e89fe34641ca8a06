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
    async def of(self, account: bytes) -> list[Erasure]: ...
    async def take_back(self, root: bytes) -> None: ...
    async def waiting(self, until: int) -> list[Erasure]: ...
    async def begin(self, deposit: bytes) -> bool: ...
    async def done(self, erasure: Erasure) -> None: ...


class Supervisors(Protocol):
    async def check(self, account: bytes) -> None:
        """Raises NotSeller unless the account supervises at the newest final block; Undecidable."""
        ...


@dataclass(frozen=True, slots=True)
class Erasures:
    """`listings`: 20 bytes. `wait_seconds`: how long a request can be taken back."""

    chain_id: int
    listings: bytes
    write: Begin[ErasureStore]
    read: Begin[ErasureStore]
    supervisors: Supervisors
    keys: DataKeys
    custodian: Custodian
    clock: Clock
    wait_seconds: int

    async def ask(self, root: bytes, account: bytes, reason: str) -> Erasure:
        """By the seller or a supervisor. Asked again, the first request stands; a supervisor's takes a
        seller's over, so that it is not taken back. Raises PayloadUnknown, NotSeller, Undecidable."""
        async with self.read() as erasures:
            payload = await erasures.payload(root)
        supervisor = None if account == payload.seller else account
        if supervisor is not None:
            await self.supervisors.check(supervisor)
        asked = Erasure(
            payload.deposit, root, payload.seller, reason, int(self.clock()), supervisor=supervisor
        )
        async with self.write() as erasures:
            return await erasures.ask(asked)

    async def take_back(self, root: bytes, account: bytes) -> None:
        """By who asked. Raises ErasureUnknown, NotSeller, ErasureDone."""
        async with self.write() as erasures:
            if (await erasures.find(root)).asked_by != account:
                raise NotSeller("only who asked for an erasure takes it back")
            await erasures.take_back(root)

    async def find(self, root: bytes) -> Erasure:
        """Raises ErasureUnknown."""
        async with self.read() as erasures:
            return await erasures.find(root)

    async def of(self, account: bytes) -> list[Erasure]:
        """Of its payloads, or asked for by it; the oldest first."""
        async with self.read() as erasures:
            return await erasures.of(account)

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
