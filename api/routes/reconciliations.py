from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import CurrentSession, ExchangeFacts, ReconciliationService
from api.errors import documented
from api.routes.history import OVERSEEN
from api.schemas.reconciliations import BankPaymentInfo, DifferenceInfo, Reconciliation
from api.schemas.values import Address
from ledger.domain.market import DONG
from ledger.domain.reconciliation import splits

router = APIRouter(tags=["history"])


@router.get("/reconciliations/{day}", responses=documented(*OVERSEEN))
async def reconciliation(
    day: Annotated[date, Path(description="A day in Việt Nam.")],
    current: CurrentSession,
    reconciliations: ReconciliationService,
    facts: ExchangeFacts,
    provider: Annotated[
        Address | None, Query(description="Whose; by default the caller's own, or all for overseers.")
    ] = None,
) -> Reconciliation:
    """The bank payments that orders were settled by on one day, and what does not add up (R27)."""
    held, found = await reconciliations.of(current.account, day, provider)
    return Reconciliation(
        block_number=held.number,
        block_hash=held.hash,
        final_number=held.final,
        lag_blocks=facts.index.progress.lag,
        day=day.isoformat(),
        total=sum(one.amount for one in found if one.currency == DONG),
        payments=[BankPaymentInfo.model_validate(one, from_attributes=True) for one in found],
        exceptions=[DifferenceInfo.model_validate(one, from_attributes=True) for one in splits(found)],
    )
