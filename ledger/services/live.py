"""What happens, as it becomes final: every entry for overseers, blocks and changed listings for anybody.

A subscriber pulls: who reads slowly costs no memory, and goes on where they were. The index is asked only
when it has grown.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from ledger.domain.history import AsOf, Filter, HistoryEntry, LiveBlock
from ledger.services.exchange import Following
from ledger.services.history import Place

EVERY: Final = 0.25
"""Seconds between looks at how far the index is."""
HEARTBEAT: Final = 15.0
"""Seconds of silence after which a sign of life is due."""
AT_ONCE: Final = 200
CATCH_UP: Final = 10_000
"""Blocks behind which a public subscriber begins anew."""
OVERSEERS: Final = 32
ANYBODY: Final = 256
"""Most subscribers at a time; they do not crowd out each other."""
LAST: Final = 1 << 53


class TooManySubscribers(Exception):
    """Nobody more can be told; come back later."""


class LiveEntries(Protocol):
    async def as_of(self) -> AsOf: ...
    async def search(
        self, wanted: Filter, after: Place | None, limit: int, *, newest_first: bool
    ) -> tuple[AsOf, list[HistoryEntry]]: ...
    async def blocks(self, after: int, upto: int, limit: int) -> list[LiveBlock]: ...


@dataclass(slots=True)
class Live:
    """`stopping` ends all streams soon. None among what a stream yields is a heartbeat."""

    entries: LiveEntries
    index: Following
    stopping: bool = False
    _subscribed: dict[int, int] = field(default_factory=lambda: {OVERSEERS: 0, ANYBODY: 0})

    @contextmanager
    def subscribed(self, most: int) -> Iterator[None]:
        """One of at most `OVERSEERS`, or of `ANYBODY`. Raises TooManySubscribers."""
        if self._subscribed[most] >= most:
            raise TooManySubscribers(f"there are {most} subscribers")
        self._subscribed[most] += 1
        try:
            yield
        finally:
            self._subscribed[most] -= 1

    async def history(self, after: Place | None) -> AsyncIterator[HistoryEntry | None]:
        """Every final entry behind the place; None for those from now on."""
        place = ((await self.entries.as_of()).final, LAST) if after is None else after
        async for final in self._grown(place[0] - 1):
            while final is not None:
                wanted = Filter(last_block=final)
                _, found = await self.entries.search(wanted, place, AT_ONCE, newest_first=False)
                for entry in found:
                    yield entry
                if len(found) < AT_ONCE:
                    place = max(place, (final, LAST))
                    break
                place = found[-1].place
            else:
                yield None

    async def blocks(self, after: int | None) -> AsyncIterator[LiveBlock | None]:
        """Every final block above a number; None for those from now on. Who is far behind begins anew."""
        newest = (await self.entries.as_of()).final
        number = newest if after is None or after < newest - CATCH_UP else after
        async for final in self._grown(number):
            while final is not None:
                found = await self.entries.blocks(number, final, AT_ONCE)
                for block in found:
                    yield block
                if not found:
                    break
                number = found[-1].number
            else:
                yield None

    async def _grown(self, seen: int) -> AsyncIterator[int | None]:
        """The newest final block whenever there is a newer one; None when there was none for long."""
        told = time.monotonic()
        while not self.stopping:
            final = self.index.progress.final
            if final > seen:
                seen = final
                yield final
                told = time.monotonic()
            elif time.monotonic() - told > HEARTBEAT:
                yield None
                told = time.monotonic()
            await asyncio.sleep(EVERY)
