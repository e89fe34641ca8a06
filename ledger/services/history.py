"""The history for those who oversee the exchange. That they looked, and at what, is on record too (R34)."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from ledger.domain.alerts import Alert
from ledger.domain.history import AsOf, Filter, HistoryEntry, Inquiry, Participant, Summary
from ledger.domain.listing import Licence, Listing
from ledger.services.ports import Begin, Clock

Place = tuple[int, int]
"""Block number and log index."""


class Overseers(Protocol):
    async def role(self, account: bytes) -> str:
        """`supervisor` or `operator`, by the chain. Raises NotOverseer, Undecidable."""
        ...


class InquiryLog(Protocol):
    async def add(self, inquiry: Inquiry) -> None:
        """Keeps the inquiry, and its leaf in the access log."""
        ...


class Entries(Protocol):
    async def search(
        self, wanted: Filter, after: Place | None, limit: int, *, newest_first: bool
    ) -> tuple[AsOf, list[HistoryEntry]]: ...

    async def listing(self, number: int, block: int | None) -> tuple[AsOf, Listing]:
        """Raises BlockUnknown, ListingUnknown."""
        ...

    async def licence(self, number: int, block: int | None) -> tuple[AsOf, Licence]:
        """Raises BlockUnknown, LicenceUnknown."""
        ...

    async def participant(self, account: bytes, block: int | None) -> tuple[AsOf, Participant]:
        """Raises BlockUnknown, ParticipantUnknown."""
        ...


class Figures(Protocol):
    async def summary(self, since: int, until: int, period: str) -> tuple[AsOf, Summary]:
        """Sales within these times (inclusive) by period, and all licences as they are."""
        ...


class Alerts(Protocol):
    async def alerts(self, since: int, until: int) -> tuple[AsOf, list[Alert]]:
        """Over the trades within these times, inclusive."""
        ...


class Exports(Protocol):
    async def write(self, to: Path, first: int | None, last: int | None, formats: Collection[str]) -> AsOf:
        """Writes an archive of the blocks. Raises BlockUnknown, ExportTooLarge, FormatUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class History:
    """Every question raises NotOverseer, Undecidable, and is answered only once it is on record."""

    overseers: Overseers
    log: Begin[InquiryLog]
    entries: Entries
    figures: Figures
    watch: Alerts
    exports: Exports
    clock: Clock

    async def search(
        self, account: bytes, wanted: Filter, after: Place | None, limit: int, *, newest_first: bool
    ) -> tuple[AsOf, list[HistoryEntry]]:
        """Up to `limit` entries behind the place `after`, and how far the index is."""
        asked = {name: _json(value) for name, value in asdict(wanted).items() if value is not None}
        await self.record(account, "entries", asked | ({} if after is None else {"after": list(after)}))
        return await self.entries.search(wanted, after, limit, newest_first=newest_first)

    async def listing(self, account: bytes, number: int, block: int | None) -> tuple[AsOf, Listing]:
        """A listing as it was after a block. Raises BlockUnknown, ListingUnknown."""
        await self.record(account, "listing", {"listing": number, "block": block})
        return await self.entries.listing(number, block)

    async def licence(self, account: bytes, number: int, block: int | None) -> tuple[AsOf, Licence]:
        """A licence as it was after a block. Raises BlockUnknown, LicenceUnknown."""
        await self.record(account, "licence", {"licence": str(number), "block": block})
        return await self.entries.licence(number, block)

    async def participant(self, account: bytes, about: bytes, block: int | None) -> tuple[AsOf, Participant]:
        """A participant as it was after a block. Raises BlockUnknown, ParticipantUnknown."""
        await self.record(account, "participant", {"account": _json(about), "block": block})
        return await self.entries.participant(about, block)

    async def summary(self, account: bytes, since: int, until: int, period: str) -> tuple[AsOf, Summary]:
        """Sales by period within these times (inclusive), and all licences as they are."""
        await self.record(account, "summary", {"since": since, "until": until, "period": period})
        return await self.figures.summary(since, until, period)

    async def alerts(self, account: bytes, since: int, until: int) -> tuple[AsOf, list[Alert]]:
        """What is to be looked at among the trades within these times, inclusive."""
        await self.record(account, "alerts", {"since": since, "until": until})
        return await self.watch.alerts(since, until)

    async def export(
        self, account: bytes, to: Path, first: int | None, last: int | None, formats: Collection[str]
    ) -> AsOf:
        """Writes an archive of the blocks `first` to `last`, by default all that are final, with the proof
        that no entry is missing. Raises BlockUnknown, ExportTooLarge, FormatUnavailable."""
        asked = {"first_block": first, "last_block": last, "formats": sorted(formats)}
        await self.record(account, "export", asked)
        return await self.exports.write(to, first, last, formats)

    async def record(self, account: bytes, view: str, parameters: Mapping[str, Any]) -> Inquiry:
        """`parameters` as JSON."""
        role = await self.overseers.role(account)
        inquiry = Inquiry(secrets.token_bytes(16), int(self.clock()), account, role, view, parameters)
        async with self.log() as log:
            await log.add(inquiry)
        return inquiry


def _json(value: object) -> object:
    return f"0x{value.hex()}" if isinstance(value, bytes) else value
