import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, DossierService
from api.errors import documented
from api.schemas.values import LicenceId
from ledger.domain.entitlement import Undecidable
from ledger.domain.evidence import EvidenceUnknown
from ledger.domain.history import BlockUnknown, NotOverseer
from ledger.services.dossier_paper import paper

router = APIRouter(prefix="/dossiers", tags=["history"])

CONTENT: Final[dict[str, Any]] = {
    "application/json": {"schema": {"type": "object"}},
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}


@router.get(
    "/licences/{licence_id}",
    response_class=Response,
    responses=documented(*SIGNED_IN, NotOverseer, Undecidable, EvidenceUnknown, BlockUnknown)
    | {200: {"description": "The dossier; as PDF with the JSON attached.", "content": CONTENT}},
)
async def licence(
    licence_id: Annotated[LicenceId, Path(description="The licence's token id.")],
    current: CurrentSession,
    dossiers: DossierService,
    form: Annotated[Literal["json", "pdf"], Query(alias="format")] = "json",
) -> Response:
    """All about one transaction, with its certificates: for its parties, supervisors and the operator."""
    data = await dossiers.of_licence(current.account, licence_id)
    headers = {"Content-Disposition": f'attachment; filename="dossier-{licence_id}.{form}"'}
    if form == "pdf":
        data = await asyncio.to_thread(_printed, data, dossiers.url)
    return Response(data, headers=headers, media_type=f"application/{form}")


def _printed(data: bytes, url: str) -> bytes:
    from ledger.pdf import pdf  # 30 MB of memory that most replicas never need

    return pdf(paper(data, url))
