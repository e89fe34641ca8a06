"""Figures of the market out of the index: sums over orders and licences, in one pass each."""

from dataclasses import dataclass
from typing import Final

from ledger.chain.bindings.structs import Importance, LicenceStatus, Subject
from ledger.domain.history import AsOf, Held, Sales, Summary, Trade
from ledger.domain.ids import listing_of
from ledger.indexer.history import NOTHING
from ledger.store.database import Begin
from ledger.store.index.history import IndexHistory
from ledger.store.index.tables import LicenceRow, ListingRow, ParticipantRow

PERIODS: Final = {"day": 86_400, "week": 7 * 86_400}
"""In seconds; weeks begin on Thursdays, as Unix time did."""

Sort = tuple[str, str, str]
"""Importance, subject and home of a listing."""


@dataclass(slots=True)
class _Sum:
    purchases: int = 0
    renewals: int = 0
    value: int = 0
    lowest: int = 0
    highest: int = 0


class FigureReader:
    """See `ledger.services.history.Figures`."""

    def __init__(self, read: Begin[IndexHistory]) -> None:
        self._read = read

    async def summary(self, since: int, until: int, period: str) -> tuple[AsOf, Summary]:
        """Sales within these times (inclusive) by period, and all licences as they are."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            sorts = {row.listing: _sort(row) async for row in index.rows(ListingRow)}
            homes = {row.account: _region(row.jurisdiction) async for row in index.rows(ParticipantRow)}
            sums: dict[tuple[int, Sort, str, int], _Sum] = {}
            async for trade in index.trades(since, until):
                start = trade.time - trade.time % PERIODS[period]
                key = (start, sorts[listing_of(trade.licence)], homes.get(trade.buyer, ""), trade.currency)
                _add(sums.setdefault(key, _Sum(lowest=trade.price)), trade)
            counts: dict[tuple[Sort, str], int] = {}
            async for licence in index.rows(LicenceRow):
                state = (sorts[listing_of(licence.licence)], LicenceStatus(licence.status or 0).name.lower())
                counts[state] = counts.get(state, 0) + 1
            return held, Summary(
                [
                    Sales(
                        start=start,
                        importance=sort[0],
                        subject=sort[1],
                        home=sort[2],
                        buyer_home=home,
                        currency=currency,
                        purchases=found.purchases,
                        renewals=found.renewals,
                        value=found.value,
                        lowest=found.lowest,
                        highest=found.highest,
                    )
                    for (start, sort, home, currency), found in sorted(sums.items())
                ],
                [
                    Held(importance=sort[0], subject=sort[1], home=sort[2], status=status, licences=count)
                    for (sort, status), count in sorted(counts.items())
                ],
            )


def _add(total: _Sum, trade: Trade) -> None:
    total.renewals += trade.renewal
    total.purchases += not trade.renewal
    total.value += trade.price
    total.lowest = min(total.lowest, trade.price)
    total.highest = max(total.highest, trade.price)


def _sort(row: ListingRow) -> Sort:
    importance, subject = Importance(row.importance or 0), Subject(row.subject or 0)
    return importance.name.lower(), subject.name.lower(), _region(row.home)


def _region(code: bytes | None) -> str:
    return "" if code is None else code.decode("ascii", "replace").rstrip("\0")
