"""Figures of the market out of the index: sums over orders and licences, in one pass each."""

from dataclasses import dataclass
from typing import Any, Final

from ledger.chain.bindings.structs import Importance, LicenceStatus, Subject
from ledger.domain.history import AsOf, Held, Sales, Summary
from ledger.indexer.history import NOTHING
from ledger.store.database import Begin
from ledger.store.index.history import IndexHistory
from ledger.store.index.tables import ListingRow

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
            classes = index.rows(
                ListingRow.listing, ListingRow.importance, ListingRow.subject, ListingRow.home
            )
            sorts = {listing: _sort(*known) async for listing, *known in classes}
            sums: dict[tuple[int, Sort, str, int], _Sum] = {}
            async for some in index.sold(since, until, PERIODS[period]):
                sort = _sort(some.importance, some.subject, some.home)
                key = (some.start, sort, _region(some.jurisdiction), some.currency)
                _add(sums.setdefault(key, _Sum(lowest=some.price)), some)
            counts: dict[tuple[Sort, str], int] = {}
            async for listing, status, count in index.licensed():
                state = (sorts[listing], LicenceStatus(status or 0).name.lower())
                counts[state] = counts.get(state, 0) + count
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


def _add(total: _Sum, some: Any) -> None:
    """Trades of one price."""
    total.renewals += some.trades if some.renewal else 0
    total.purchases += 0 if some.renewal else some.trades
    total.value += some.price * some.trades
    total.lowest = min(total.lowest, some.price)
    total.highest = max(total.highest, some.price)


def _sort(importance: int | None, subject: int | None, home: bytes | None) -> Sort:
    return Importance(importance or 0).name.lower(), Subject(subject or 0).name.lower(), _region(home)


def _region(code: bytes | None) -> str:
    return "" if code is None else code.decode("ascii", "replace").rstrip("\0")
