"""Trades with what they were about, for `ledger.domain.alerts`."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from ledger.chain.bindings.structs import Importance, PersonalData, Subject
from ledger.domain.alerts import Alert, Sold, alerts
from ledger.domain.history import AsOf, Trade
from ledger.domain.ids import listing_of
from ledger.indexer.history import NOTHING
from ledger.store.database import Begin
from ledger.store.index.catalogue import IndexCatalogue
from ledger.store.index.tables import ListingRow, VersionRow

PEOPLE: Final = "socai:people"
"""What a metadata document says of how many people its data is about: {"basic": …, "sensitive": …}."""


class AlertReader:
    """See `ledger.services.history.Alerts`."""

    def __init__(self, read: Begin[IndexCatalogue]) -> None:
        self._read = read

    async def alerts(self, since: int, until: int) -> tuple[AsOf, list[Alert]]:
        """Over the trades within these times, inclusive."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            listings = {row.listing: row async for row in index.rows(ListingRow)}
            trades = [trade async for trade in index.trades(since, until)]
            of_people = {
                (listing_of(trade.licence), trade.version)
                for trade in trades
                if _of_people(listings[listing_of(trade.licence)])
            }
            hashes = {
                (row.listing, row.number): row.metadata_
                async for row in index.rows(VersionRow)
                if (row.listing, row.number) in of_people and row.metadata_ is not None
            }
            documents = await index.documents(list(set(hashes.values())))
        people = {key: _people(documents.get(digest)) for key, digest in hashes.items()}

        def sold(trade: Trade) -> Sold:
            listing = listing_of(trade.licence)
            row = listings[listing]
            return Sold(
                row.holder or bytes(20),
                Subject(row.subject or 0).name.lower(),
                Importance(row.importance or 0).name.lower(),
                _of_people(row),
                people.get((listing, trade.version)),
            )

        return held, await asyncio.to_thread(lambda: alerts([(trade, sold(trade)) for trade in trades]))


def _of_people(row: ListingRow) -> bool:
    return row.subject == Subject.PEOPLE or row.personal == PersonalData.CONSENTED


def _people(canonical: bytes | None) -> Mapping[str, int] | None:
    said: Any = None if canonical is None else json.loads(canonical).get(PEOPLE)
    if not isinstance(said, dict):
        return None
    counts = {kind: count for kind, count in said.items() if isinstance(count, int) and count >= 0}
    return counts or None
