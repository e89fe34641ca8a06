import asyncio
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, Query
from fastapi import Path as FromPath
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, ExchangeFacts, HistoryService
from api.errors import documented
from api.routes.catalogue import ListingId
from api.schemas.catalogue import LicenceInfo, ListingInfo
from api.schemas.history import (
    AlertInfo,
    AlertList,
    EntryInfo,
    EntryPage,
    EntryPlace,
    HeldInfo,
    LicenceThen,
    ListingThen,
    ParticipantInfo,
    ParticipantThen,
    SalesInfo,
    SummaryInfo,
)
from api.schemas.values import Address, Hash, Importance, LicenceId, Sharing, Subject
from ledger.domain.alerts import TABLE
from ledger.domain.entitlement import Undecidable
from ledger.domain.history import (
    AsOf,
    BlockUnknown,
    ExportTooLarge,
    Filter,
    FormatUnavailable,
    HistoryEntry,
    NotOverseer,
    ParticipantUnknown,
)
from ledger.domain.listing import LicenceUnknown, ListingUnknown

router = APIRouter(prefix="/history", tags=["history"])

OVERSEEN: Final = (*SIGNED_IN, NotOverseer, Undecidable)

ZIP: Final[dict[str, Any]] = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}

Cursor = Annotated[
    str | None, Query(pattern="^[0-9]{1,18}-[0-9]{1,9}$", description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=200)]
Order = Annotated[Literal["newest", "oldest"], Query(description="Which come first.")]
Number = Annotated[int | None, Query(ge=0, lt=1 << 53)]
AtBlock = Annotated[int | None, Query(ge=0, lt=1 << 53, description="A final block; by default the newest.")]
Account = Annotated[Address, FromPath(description="The participant's account.")]


@router.get("/entries", responses=documented(*OVERSEEN))
async def entries(
    current: CurrentSession,
    history: HistoryService,
    facts: ExchangeFacts,
    account: Annotated[Address | None, Query(description="Named by the entry.")] = None,
    listing: Annotated[int | None, Query(gt=0, lt=1 << 48)] = None,
    licence: Annotated[LicenceId | None, Query()] = None,
    reference: Annotated[Hash | None, Query(description="Of a payment.")] = None,
    importance: Annotated[Importance | None, Query(description="Of the listing, as it is now.")] = None,
    sharing: Annotated[Sharing | None, Query(description="Of the listing, as it is now.")] = None,
    subject: Annotated[Subject | None, Query(description="Of the listing.")] = None,
    jurisdiction: Annotated[
        str | None,
        Query(pattern="^[A-Z]{2}$", description="Home of the listing, or of a participant the entry names."),
    ] = None,
    contract: Annotated[str | None, Query(pattern="^[A-Za-z]{1,32}$")] = None,
    event: Annotated[str | None, Query(pattern="^[A-Za-z0-9]{1,64}$")] = None,
    since: Annotated[int | None, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")] = None,
    until: Annotated[int | None, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")] = None,
    first_block: Number = None,
    last_block: Number = None,
    order: Order = "newest",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> EntryPage:
    """Entries of the journals that meet every condition given. That you asked is itself on record."""
    wanted = Filter(
        account=account,
        reference=reference,
        listing=listing,
        licence=licence,
        importance=None if importance is None else get_args(Importance).index(importance),
        sharing=None if sharing is None else get_args(Sharing).index(sharing),
        subject=None if subject is None else get_args(Subject).index(subject),
        jurisdiction=jurisdiction,
        contract=contract,
        event=event,
        since=since,
        until=until,
        first_block=first_block,
        last_block=last_block,
    )
    return await _page(current, history, facts, wanted, order, cursor, limit)


@router.get("/summary", responses=documented(*OVERSEEN))
async def summary(
    current: CurrentSession,
    history: HistoryService,
    facts: ExchangeFacts,
    since: Annotated[int, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")] = 0,
    until: Annotated[int, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")] = (1 << 53) - 1,
    period: Annotated[Literal["day", "week"], Query(description="Days begin at midnight UTC.")] = "day",
) -> SummaryInfo:
    """Figures for charts: how much was sold when, for how much, and the licences that came of it."""
    held, found = await history.summary(current.account, since, until, period)
    return SummaryInfo(
        block_number=held.number,
        block_hash=held.hash,
        final_number=held.final,
        lag_blocks=facts.index.progress.lag,
        sales=[SalesInfo.model_validate(one, from_attributes=True) for one in found.sales],
        held=[HeldInfo.model_validate(one, from_attributes=True) for one in found.held],
    )


@router.get("/alerts", responses=documented(*OVERSEEN))
async def alerts(
    current: CurrentSession,
    history: HistoryService,
    facts: ExchangeFacts,
    since: Annotated[int, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")] = 0,
    until: Annotated[int, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")] = (1 << 53) - 1,
) -> AlertList:
    """Purchases that together cross a threshold, trades for show, odd prices; each with its entries."""
    held, found = await history.alerts(current.account, since, until)
    return AlertList(
        block_number=held.number,
        block_hash=held.hash,
        final_number=held.final,
        lag_blocks=facts.index.progress.lag,
        table=TABLE,
        alerts=[
            AlertInfo(
                kind=alert.kind,
                accounts=list(alert.accounts),
                facts=dict(alert.facts),
                entries=[EntryPlace(block_number=block, log_index=log) for block, log in alert.entries],
            )
            for alert in found
        ],
    )


@router.get(
    "/export",
    response_class=FileResponse,
    responses=documented(*OVERSEEN, BlockUnknown, ExportTooLarge, FormatUnavailable)
    | {200: {"description": "An archive; its README.md tells how to check it.", "content": ZIP}},
)
async def export(
    current: CurrentSession,
    history: HistoryService,
    first_block: Number = None,
    last_block: Number = None,
    formats: Annotated[
        list[Literal["csv", "ndjson", "parquet"]], Query(alias="format", min_length=1, max_length=3)
    ] = ["ndjson"],  # noqa: B006
) -> FileResponse:
    """All entries of some final blocks, by default all there are, with the proof that none is missing."""
    folder = Path(await asyncio.to_thread(mkdtemp, prefix="socai-export-"))
    try:
        file = folder / "export.zip"
        at = await history.export(current.account, file, first_block, last_block, set(formats))
    except BaseException:
        shutil.rmtree(folder)
        raise
    name = f"socai-history-{at.number}.zip"
    return FileResponse(
        file, media_type="application/zip", filename=name, background=BackgroundTask(shutil.rmtree, folder)
    )


@router.get("/participants/{account}/timeline", responses=documented(*OVERSEEN))
async def timeline(
    account: Account,
    current: CurrentSession,
    history: HistoryService,
    facts: ExchangeFacts,
    order: Order = "oldest",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> EntryPage:
    """Everything that names a participant, in order."""
    return await _page(current, history, facts, Filter(account=account), order, cursor, limit)


@router.get("/participants/{account}", responses=documented(*OVERSEEN, BlockUnknown, ParticipantUnknown))
async def participant(
    account: Account, current: CurrentSession, history: HistoryService, block: AtBlock = None
) -> ParticipantThen:
    """A participant as it was after a block, by replay of the entries."""
    at, found = await history.participant(current.account, account, block)
    info = ParticipantInfo.model_validate(found, from_attributes=True)
    return ParticipantThen(
        block_number=at.number, block_hash=at.hash, final_number=at.final, participant=info
    )


@router.get("/listings/{listing_id}", responses=documented(*OVERSEEN, BlockUnknown, ListingUnknown))
async def listing_then(
    listing_id: ListingId, current: CurrentSession, history: HistoryService, block: AtBlock = None
) -> ListingThen:
    """A listing as it was after a block, by replay of the entries."""
    at, found = await history.listing(current.account, listing_id, block)
    info = ListingInfo.model_validate(found, from_attributes=True)
    return ListingThen(block_number=at.number, block_hash=at.hash, final_number=at.final, listing=info)


@router.get("/licences/{licence_id}", responses=documented(*OVERSEEN, BlockUnknown, LicenceUnknown))
async def licence_then(
    licence_id: Annotated[LicenceId, FromPath(description="The licence's token id.")],
    current: CurrentSession,
    history: HistoryService,
    block: AtBlock = None,
) -> LicenceThen:
    """A licence as it was after a block, by replay of the entries."""
    at, found = await history.licence(current.account, licence_id, block)
    info = LicenceInfo.model_validate(found, from_attributes=True)
    return LicenceThen(block_number=at.number, block_hash=at.hash, final_number=at.final, licence=info)


async def _page(
    current: CurrentSession,
    history: HistoryService,
    facts: ExchangeFacts,
    wanted: Filter,
    order: str,
    cursor: str | None,
    limit: int,
) -> EntryPage:
    after = None
    if cursor is not None:
        block, _, log = cursor.partition("-")
        after = int(block), int(log)
    held, found = await history.search(current.account, wanted, after, limit, newest_first=order == "newest")
    last = found[-1] if len(found) == limit else None
    return EntryPage(
        block_number=held.number,
        block_hash=held.hash,
        final_number=held.final,
        lag_blocks=facts.index.progress.lag,
        items=[entry_info(entry, held) for entry in found],
        next=None if last is None else f"{last.block_number}-{last.log_index}",
    )


def entry_info(entry: HistoryEntry, held: AsOf) -> EntryInfo:
    return EntryInfo(
        block_number=entry.block_number,
        block_hash=entry.block_hash,
        block_time=entry.block_time,
        final=entry.block_number <= held.final,
        transaction=entry.transaction,
        transaction_index=entry.transaction_index,
        log_index=entry.log_index,
        contract=entry.contract,
        event=entry.event,
        position=entry.position,
        listing=entry.listing,
        licence=entry.licence,
        args=dict(entry.arguments),
    )
