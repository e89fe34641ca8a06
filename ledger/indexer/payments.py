"""Bank payments out of the index."""

from typing import Final

from ledger.chain.bindings import exchange
from ledger.chain.bindings.structs import OrderStatus
from ledger.domain.history import AsOf, Filter
from ledger.domain.reconciliation import BankPayment
from ledger.indexer.history import NOTHING
from ledger.indexer.mirror import put
from ledger.indexer.nouns import NOUNS
from ledger.indexer.state import State
from ledger.store.database import Begin
from ledger.store.index.catalogue import IndexCatalogue

_LICENCES: Final = next(noun for noun in NOUNS if noun.name == "licences")


class PaymentReader:
    """See `ledger.services.reconciliations.BankPayments`."""

    def __init__(self, read: Begin[IndexCatalogue]) -> None:
        self._read = read

    async def payments(self, first: int, last: int, provider: bytes | None) -> tuple[AsOf, list[BankPayment]]:
        """Within these times (inclusive), of one provider or of all, in order."""
        async with self._read() as index:
            held = await index.as_of() or NOTHING
            wanted = Filter(event="PaymentUsed", since=first, until=last, account=provider)
            found = []
            async for row, time in index.stream(wanted):
                found.append((row, time, exchange.PaymentUsed.from_journal(row.args)))
            state = State()
            licences = sorted({event.licence for _, _, event in found})
            put(state, _LICENCES, await index.load("licences", [(licence,) for licence in licences]))
            sums = {licence: await self._sums(index, licence) for licence in licences}
            return held, [
                BankPayment(
                    reference=event.payment_ref,
                    provider=bytes.fromhex(event.provider[2:]),
                    licence=event.licence,
                    currency=event.currency,
                    amount=event.amount,
                    time=time,
                    block_number=row.block_number,
                    log_index=row.log_index,
                    order=OrderStatus(state.licences[event.licence].order).name.lower(),
                    confirmed=sums[event.licence][0],
                    allocated=sums[event.licence][1],
                )
                for row, time, event in found
            ]

    async def _sums(self, index: IndexCatalogue, licence: int) -> tuple[int, int]:
        """What banks confirmed for a licence, and what was split of it."""
        confirmed = allocated = 0
        async for row, _ in index.stream(Filter(licence=licence, contract="Exchange")):
            if row.event == "PaymentUsed":
                confirmed += exchange.PaymentUsed.from_journal(row.args).amount
            elif row.event == "Allocated":
                part = exchange.Allocated.from_journal(row.args)
                allocated += part.amount if part.by_bank else 0
        return confirmed, allocated
