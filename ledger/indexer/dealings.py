"""One account's dealings out of the index."""

from collections.abc import Sequence
from typing import Final

from ledger.chain.bindings import exchange, structs
from ledger.domain.dealings import Holding, Movement, Part, Sale
from ledger.domain.history import AsOf, Filter
from ledger.domain.ids import listing_of
from ledger.domain.listing import Licence
from ledger.indexer import views
from ledger.indexer.catalogue import titles
from ledger.indexer.history import NOTHING
from ledger.indexer.mirror import put
from ledger.indexer.nouns import NOUNS
from ledger.indexer.state import State
from ledger.store.database import Begin
from ledger.store.index.catalogue import IndexCatalogue

Place = tuple[int, int]
"""Block number and log index."""
_LICENCES: Final = next(noun for noun in NOUNS if noun.name == "licences")


class DealingReader:
    """See `ledger.services.dealings.Dealings`."""

    def __init__(self, read: Begin[IndexCatalogue]) -> None:
        self._read = read

    async def holdings(
        self, account: bytes, after: tuple[int, int] | None, limit: int
    ) -> tuple[AsOf, list[Holding]]:
        """Up to `limit` licences that the account holds, the newest first, behind the time of issue and id
        `after`."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            licences = await _licences(index, await index.held(account, after, limit))
            named = await titles(index, {listing_of(licence.id) for licence in licences})
            return held, [
                Holding(licence=one, listing=listing_of(one.id), title=named[listing_of(one.id)])
                for one in licences
            ]

    async def sales(self, seller: bytes, after: Place | None, limit: int) -> tuple[AsOf, list[Sale]]:
        """Up to `limit` purchases from listings that the account holds, the newest first."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            wanted = Filter(holder=seller, contract="Exchange", event="Purchased")
            rows = await index.search(wanted, after, limit, newest_first=True)
            bought = [exchange.Purchased.from_journal(row.args) for row, _ in rows]
            licences = await _licences(index, [event.licence for event in bought])
            return held, [
                Sale(
                    licence=licence,
                    buyer=bytes.fromhex(event.buyer[2:]),
                    price=event.price,
                    time=time,
                    block_number=row.block_number,
                    log_index=row.log_index,
                )
                for (row, time), event, licence in zip(rows, bought, licences, strict=True)
            ]

    async def movements(self, account: bytes, since: int, until: int) -> tuple[AsOf, list[Movement]]:
        """What the account came to be owed and withdrew within these times, inclusive, in order."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            wanted = Filter(account=account, contract="Exchange", since=since, until=until)
            found = []
            async for row, time in index.stream(wanted):
                if row.event == "Allocated":
                    paid = exchange.Allocated.from_journal(row.args)
                    part = Part[structs.Part(paid.part).name]
                    money = (paid.currency, paid.amount, paid.by_bank)
                elif row.event == "Withdrawn":
                    taken = exchange.Withdrawn.from_journal(row.args)
                    part, money = Part.WITHDRAWN, (taken.currency, taken.amount, False)
                else:
                    continue
                currency, amount, by_bank = money
                found.append(
                    Movement(
                        part=part,
                        licence=row.licence,
                        currency=currency,
                        amount=amount,
                        by_bank=by_bank,
                        time=time,
                        block_number=row.block_number,
                        transaction=row.transaction_hash,
                    )
                )
            return held, found


async def _licences(index: IndexCatalogue, numbers: Sequence[int]) -> list[Licence]:
    state = State()
    put(state, _LICENCES, await index.load("licences", [(number,) for number in numbers]))
    return [views.licence(state, number) for number in numbers]
