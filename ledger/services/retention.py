"""What is only kept for a time: answers to key requests, and overseers' looks at the history (R30).

Their rows are thrown away, and what was is on record: the access log, which holds nothing personal, keeps
every entry and gets one more, so that an auditor can tell what is over from what was deleted. Time is over
when it is by our clock and by that of the newest final block: one that is wrong throws nothing away.
"""

from dataclasses import dataclass
from typing import Protocol

from ledger.domain.retention import YEAR
from ledger.services.exchange import FinalBlock
from ledger.services.ports import Begin, Clock


class RetentionStore(Protocol):
    async def forget(self, before: int, now: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Retention:
    write: Begin[RetentionStore]
    blocks: FinalBlock
    clock: Clock
    years: int

    async def forget(self) -> int:
        """Throws away what is older; how many records. Raises Undecidable."""
        now = min(int(self.clock()), (await self.blocks.newest()).time)
        async with self.write() as records:
            return await records.forget(now - self.years * YEAR, now)
