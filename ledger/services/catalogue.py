"""What is listed and licensed, each answer with the final block it is from."""

from typing import Protocol

from ledger.domain.entitlement import Block
from ledger.domain.listing import Licence, Listing, Version


class Catalogue(Protocol):
    """Raises NodeUnreachable, NodeStale."""

    async def listings(self, after: int, limit: int) -> tuple[Block, list[Listing]]:
        """Up to `limit` listings with ids above `after`, in order."""
        ...

    async def listing(self, listing: int) -> tuple[Block, Listing]:
        """Raises ListingUnknown."""
        ...

    async def version(self, listing: int, number: int) -> tuple[Block, Version]:
        """Raises ListingUnknown."""
        ...

    async def licence(self, licence: int) -> tuple[Block, Licence]:
        """Raises LicenceUnknown."""
        ...
