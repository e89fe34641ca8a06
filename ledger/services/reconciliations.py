"""The bank payments of one day, for the provider whose word they are and for overseers (R27)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, Protocol

from ledger.domain.history import AsOf
from ledger.domain.reconciliation import BankPayment
from ledger.services.history import History

VIETNAM: Final = timezone(timedelta(hours=7))
"""A bank's day; Việt Nam has no summer time."""


class Providers(Protocol):
    async def provides_payments(self, account: bytes) -> bool:
        """Whether the account is an eligible payment provider's. Raises Undecidable."""
        ...


class BankPayments(Protocol):
    async def payments(self, first: int, last: int, provider: bytes | None) -> tuple[AsOf, list[BankPayment]]:
        """Within these times (inclusive), of one provider or of all, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Reconciliations:
    history: History
    providers: Providers
    read: BankPayments

    async def of(self, account: bytes, day: date, provider: bytes | None) -> tuple[AsOf, list[BankPayment]]:
        """A provider sees its own payments. Raises NotOverseer for others' to who is none, Undecidable."""
        if provider is None and await self.providers.provides_payments(account):
            provider = account
        if provider != account:
            asked = {"day": day.isoformat(), "provider": None if provider is None else f"0x{provider.hex()}"}
            await self.history.record(account, "payments", asked)
        start = int(datetime.combine(day, time(), VIETNAM).timestamp())
        return await self.read.payments(start, start + 86_399, provider)
