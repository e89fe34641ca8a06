"""What the signed-in account holds, sold and was paid, out of the index. Each sees its own only."""

from typing import Protocol

from ledger.domain.dealings import Holding, Movement, Sale
from ledger.domain.history import AsOf


class Dealings(Protocol):
    """How far the index is, with every answer."""

    async def holdings(
        self, account: bytes, after: tuple[int, int] | None, limit: int
    ) -> tuple[AsOf, list[Holding]]:
        """Up to `limit` licences, the newest first, behind the time of issue and id `after`."""
        ...

    async def sales(
        self, seller: bytes, after: tuple[int, int] | None, limit: int
    ) -> tuple[AsOf, list[Sale]]:
        """Up to `limit` purchases, the newest first, behind the block and log index `after`."""
        ...

    async def movements(self, account: bytes, since: int, until: int) -> tuple[AsOf, list[Movement]]:
        """Money owed and withdrawn within these times, inclusive, in order."""
        ...
