import asyncio
import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, DealingService, ExchangeFacts
from api.errors import documented
from api.schemas.dealings import HoldingInfo, Holdings, MovementInfo, SaleInfo, Sales, StatementInfo
from ledger.domain.history import AsOf
from ledger.services.statement_paper import csv, paper

router = APIRouter(prefix="/account", tags=["account"])

MOST: Final = 200
TYPES: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
CONTENT: Final[dict[str, Any]] = {
    "text/csv": {"schema": {"type": "string"}},
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}
Cursor = Annotated[
    str | None, Query(pattern="^[0-9]{1,18}-[0-9]{1,29}$", description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Moment = Annotated[int, Query(ge=0, lt=1 << 53, description="Unix seconds, inclusive.")]


@router.get("/licences", responses=documented(*SIGNED_IN))
async def licences(
    current: CurrentSession,
    dealings: DealingService,
    facts: ExchangeFacts,
    cursor: Cursor = None,
    limit: Limit = MOST,
) -> Holdings:
    """The licences that the caller holds. From the index."""
    held, found = await dealings.holdings(current.account, _after(cursor), limit)
    last = found[-1].licence if len(found) == limit else None
    return Holdings(
        **_as_of(held, facts.index.progress.lag),
        items=[HoldingInfo.model_validate(one, from_attributes=True) for one in found],
        next=None if last is None else f"{last.issued_at}-{last.id}",
    )


@router.get("/sales", responses=documented(*SIGNED_IN))
async def sales(
    current: CurrentSession,
    dealings: DealingService,
    facts: ExchangeFacts,
    cursor: Cursor = None,
    limit: Limit = MOST,
) -> Sales:
    """Purchases from the listings that the caller holds. From the index."""
    held, found = await dealings.sales(current.account, _after(cursor), limit)
    last = found[-1] if len(found) == limit else None
    return Sales(
        **_as_of(held, facts.index.progress.lag),
        items=[
            SaleInfo.model_validate(
                {name: getattr(one, name) for name in SaleInfo.model_fields}, from_attributes=True
            )
            for one in found
        ],
        next=None if last is None else f"{last.block_number}-{last.log_index}",
    )


@router.get(
    "/statement",
    response_model=StatementInfo,
    responses=documented(*SIGNED_IN)
    | {200: {"description": "As JSON, as a table, or printed with the JSON attached.", "content": CONTENT}},
)
async def statement(
    current: CurrentSession,
    dealings: DealingService,
    facts: ExchangeFacts,
    since: Moment = 0,
    until: Moment = (1 << 53) - 1,
    form: Annotated[Literal["json", "csv", "pdf"], Query(alias="format")] = "json",
) -> Response:
    """What the caller came to be owed in a period, and withdrew. From the index.

    Without an end it lasts to the newest block, whose clock may be ahead of ours.
    """
    held, found = await dealings.movements(current.account, since, until)
    until = min(until, max([int(time.time()), *(one.time for one in found)]))
    told = StatementInfo(
        **_as_of(held, facts.index.progress.lag),
        account=current.account,
        since=since,
        until=until,
        movements=[MovementInfo.model_validate(one, from_attributes=True) for one in found],
    ).model_dump_json()
    data = told.encode()
    if form == "csv":
        data = csv(told).encode()
    elif form == "pdf":
        data = await asyncio.to_thread(_printed, told)
    headers = {"Content-Disposition": f'attachment; filename="statement.{form}"', "Cache-Control": "no-store"}
    return Response(data, headers=headers, media_type=TYPES[form])


def _printed(told: str) -> bytes:
    from ledger.pdf import pdf  # 30 MB of memory that most replicas never need

    return pdf(paper(told))


def _after(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    first, _, second = cursor.partition("-")
    return int(first), int(second)


def _as_of(held: AsOf, lag: int) -> dict[str, Any]:
    return {
        "block_number": held.number,
        "block_hash": held.hash,
        "final_number": held.final,
        "lag_blocks": lag,
    }
