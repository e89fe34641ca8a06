from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, ErasureService
from api.errors import BodyTooLarge, documented
from api.schemas.erasures import ErasureInfo, ErasureList, ErasureRequest
from api.schemas.values import Hash
from ledger.domain.deposit import PayloadUnknown
from ledger.domain.entitlement import Undecidable
from ledger.domain.erasure import Erasure, ErasureDone, ErasureUnknown, NotSeller
from ledger.services.erasures import Erasures

router = APIRouter(prefix="/erasures", tags=["erasures"])

Root = Annotated[Hash, Path(description="The payload's Merkle root.")]


@router.post(
    "",
    status_code=202,
    responses=documented(*SIGNED_IN, BodyTooLarge, PayloadUnknown, NotSeller, Undecidable),
)
async def ask(asked: ErasureRequest, current: CurrentSession, erasures: ErasureService) -> ErasureInfo:
    """From now on no key to a payload is released, as its seller or a supervisor wants."""
    return _info(erasures, await erasures.ask(asked.root, current.account, asked.reason))


@router.get("", responses=documented(*SIGNED_IN))
async def own(current: CurrentSession, erasures: ErasureService) -> ErasureList:
    """Of one's own payloads, or asked for by oneself."""
    return ErasureList(erasures=[_info(erasures, one) for one in await erasures.of(current.account)])


@router.get("/{root}", responses=documented(ErasureUnknown))
async def erasure(root: Root, erasures: ErasureService) -> ErasureInfo:
    """Anybody may see that a payload is erased, or due to be, and check the custodian's word for it."""
    return _info(erasures, await erasures.find(root))


@router.delete(
    "/{root}", status_code=204, responses=documented(*SIGNED_IN, ErasureUnknown, NotSeller, ErasureDone)
)
async def take_back(root: Root, current: CurrentSession, erasures: ErasureService) -> None:
    """Takes a request back while nothing is destroyed."""
    await erasures.take_back(root, current.account)


def _info(erasures: Erasures, erasure: Erasure) -> ErasureInfo:
    return ErasureInfo(
        root=erasure.root,
        deposit_id=erasure.deposit,
        seller=erasure.seller,
        asked_by=erasure.asked_by,
        reason=erasure.reason,
        asked_at=erasure.asked_at,
        due_at=erasure.due_at,
        overdue=erasure.overdue(int(erasures.clock())),
        erased_at=erasure.erased_at,
        signature=erasure.signature,
    )
