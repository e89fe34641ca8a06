from typing import Annotated, Final, Literal, get_args

from fastapi import APIRouter, Path, Query

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, ExchangeFacts, HistoryService
from api.errors import documented
from api.routes.catalogue import ListingId
from api.schemas.catalogue import LicenceInfo, ListingInfo
from api.schemas.history import (
    EntryInfo,
    EntryPage,
    LicenceThen,
    ListingThen,
    ParticipantInfo,
    ParticipantThen,
)
from api.schemas.values import Address, Hash, LicenceId
from ledger.domain.entitlement import Undecidable
from ledger.domain.history import AsOf, BlockUnknown, Filter, HistoryEntry, NotOverseer, ParticipantUnknown
from ledger.domain.listing import LicenceUnknown, ListingUnknown

router = APIRouter(prefix="/history", tags=["history"])

OVERSEEN: Final = (*SIGNED_IN, NotOverseer, Undecidable)
Importance = Literal["unclassified", "other", "important", "core"]
Sharing = Literal["unstated", "open", "shared", "private"]
Subject = Literal["unstated", "people", "locations", "activities", "items"]
IMPORTANCE: Final = get_args(Importance)
SHARING: Final = get_args(Sharing)
SUBJECT: Final = get_args(Subject)

Cursor = Annotated[
    str | None, Query(pattern="^[0-9]{1,18}-[0-9]{1,9}$", description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=200)]
Order = Annotated[Literal["newest", "oldest"], Query(description="Which come first.")]
Number = Annotated[int | None, Query(ge=0, lt=1 << 53)]
AtBlock = Annotated[int | None, Query(ge=0, lt=1 << 53, description="A final block; by default the newest.")]
Account = Annotated[Address, Path(description="The participant's account.")]


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
        importance=None if importance is None else IMPORTANCE.index(importance),
        sharing=None if sharing is None else SHARING.index(sharing),
        subject=None if subject is None else SUBJECT.index(subject),
        jurisdiction=jurisdiction,
        contract=contract,
        event=event,
        since=since,
        until=until,
        first_block=first_block,
        last_block=last_block,
    )
    return await _page(current, history, facts, wanted, order, cursor, limit)


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
    licence_id: Annotated[LicenceId, Path(description="The licence's token id.")],
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
