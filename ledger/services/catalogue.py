"""What is listed and licensed: of the chain, at a final block; of the index, which searches."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from ledger.domain.catalogue import Details, Found, Offered, Wanted
from ledger.domain.entitlement import Block
from ledger.domain.history import AsOf
from ledger.domain.listing import Licence, Listing, Version


class Catalogue(Protocol):
    """Raises NodeUnreachable, NodeStale."""

    async def listing(self, listing: int) -> tuple[Block, Listing]:
        """Raises ListingUnknown."""
        ...

    async def version(self, listing: int, number: int) -> tuple[Block, Version]:
        """Raises ListingUnknown."""
        ...

    async def licence(self, licence: int) -> tuple[Block, Licence]:
        """Raises LicenceUnknown."""
        ...


class Offers(Protocol):
    """What the index knows of the catalogue."""

    async def search(
        self, wanted: Wanted, after: int | None, limit: int, *, newest_first: bool
    ) -> tuple[AsOf, Found]:
        """Up to `limit` listings behind `after`, and how far the index is."""
        ...

    async def details(self, listing: int) -> tuple[AsOf, Details]:
        """Raises ListingUnknown."""
        ...

    def export(self) -> AsyncIterator[list[tuple[Offered, Any]]]:
        """Everything listed with its metadata document (None when it is not held), a few at a time."""
        ...
