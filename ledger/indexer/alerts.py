"""Trades with what they were about, for `ledger.domain.alerts`."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from ledger.chain.bindings.structs import Importance, PersonalData, Subject
from ledger.domain.alerts import Alert, Sold, Watch
from ledger.domain.history import AsOf
from ledger.domain.ids import listing_of
from ledger.indexer.history import NOTHING
from ledger.store.database import Begin
from ledger.store.index.catalogue import IndexCatalogue
from ledger.store.index.tables import ListingRow, VersionRow

PEOPLE: Final = "socai:people"
"""What a metadata document says of how many people its data is about: {"basic": …, "sensitive": …}."""
AT_ONCE: Final = 500
"""Documents read at a time."""


class AlertReader:
    """See `ledger.services.history.Alerts`."""

    def __init__(self, read: Begin[IndexCatalogue]) -> None:
        self._read = read

    async def alerts(self, since: int, until: int) -> tuple[AsOf, list[Alert]]:
        """Over the trades within these times, inclusive, none of which is kept."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            told = (ListingRow.holder, ListingRow.subject, ListingRow.importance, ListingRow.personal)
            listings = {row.listing: row async for row in index.rows(ListingRow.listing, *told)}
            versions = index.rows(VersionRow.listing, VersionRow.number, VersionRow.metadata_)
            hashes = {
                (listing, number): metadata
                async for listing, number, metadata in versions
                if _of_people(listings[listing]) and metadata is not None
            }
            said: dict[bytes, Mapping[str, int] | None] = {}
            wanted = list(set(hashes.values()))
            for first in range(0, len(wanted), AT_ONCE):
                found = await index.documents(wanted[first : first + AT_ONCE])
                said |= {digest: _people(document) for digest, document in found.items()}
            watch = Watch()
            async for trade in index.trades(since, until):
                row = listings[listing_of(trade.licence)]
                digest = hashes.get((row.listing, trade.version))
                watch.add(trade, _sold(row, None if digest is None else said.get(digest)))
        return held, await asyncio.to_thread(watch.alerts)


def _sold(row: Any, people: Mapping[str, int] | None) -> Sold:
    return Sold(
        row.holder or bytes(20),
        Subject(row.subject or 0).name.lower(),
        Importance(row.importance or 0).name.lower(),
        _of_people(row),
        people,
    )


def _of_people(row: Any) -> bool:
    return bool(row.subject == Subject.PEOPLE or row.personal == PersonalData.CONSENTED)


def _people(canonical: bytes) -> Mapping[str, int] | None:
    said: Any = json.loads(canonical).get(PEOPLE)
    if not isinstance(said, dict):
        return None
    counts = {kind: count for kind, count in said.items() if isinstance(count, int) and count >= 0}
    return counts or None
