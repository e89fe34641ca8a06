import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Response

from api.deps import EvidenceService
from api.errors import documented
from api.ranges import matches
from api.schemas.values import LicenceId, hexadecimal
from ledger.domain.evidence import EvidenceUnknown, Subject
from ledger.services.certificate_paper import paper
from ledger.services.evidence import Evidence

router = APIRouter(prefix="/evidence", tags=["evidence"])

JSON: Final[dict[str, Any]] = {"application/json": {"schema": {"type": "object"}}}
RESPONSES: Final = documented(EvidenceUnknown) | {
    200: {"description": "The bundle, as docs/evidence.md describes it.", "content": JSON},
    304: {"description": "The caller has it already."},
}

PRINTED: Final[dict[str, Any]] = JSON | {
    "application/pdf": {"schema": {"type": "string", "format": "binary"}}
}

Licence = Annotated[LicenceId, Path(description="The licence's token id.")]
Listing = Annotated[int, Path(gt=0, lt=1 << 48, description="The listing's token id.")]
Version = Annotated[int, Path(gt=0, lt=1 << 24)]
Most = Annotated[
    int | None, Query(alias="block", ge=0, lt=1 << 63, description="As of this block at the latest.")
]
Held = Annotated[str | None, Header(alias="If-None-Match")]


@router.get("/trust", response_class=Response, responses=documented() | {200: {"content": JSON}})
async def trust(evidence: EvidenceService) -> Response:
    """The trust file as the exchange itself publishes it: worth as much as you trust the exchange."""
    return Response(evidence.trust, media_type="application/json")


@router.get(
    "/licences/{licence_id}",
    response_class=Response,
    responses=RESPONSES
    | {200: {"description": "The bundle; as PDF with the JSON attached.", "content": PRINTED}},
)
async def licence(
    licence_id: Licence,
    evidence: EvidenceService,
    block: Most = None,
    form: Annotated[Literal["json", "pdf"], Query(alias="format")] = "json",
    held: Held = None,
) -> Response:
    """The newest certificate of a licence, captured when the block that changed it last became final."""
    if form == "json":
        return await _newest(evidence, Subject("licence", licence_id), block, held)
    stored = await evidence.newest(Subject("licence", licence_id), block)
    data = await asyncio.to_thread(_printed, await evidence.bundle(stored), evidence.url)
    headers = {"Content-Disposition": f'attachment; filename="licence-{licence_id}.pdf"'}
    return Response(data, headers=headers, media_type="application/pdf")


@router.get("/payments/{licence_id}", response_class=Response, responses=RESPONSES)
async def payment(
    licence_id: Licence, evidence: EvidenceService, block: Most = None, held: Held = None
) -> Response:
    """The newest certificate of what was paid for a licence."""
    return await _newest(evidence, Subject("payment", licence_id), block, held)


@router.get("/listings/{listing_id}/versions/{number}", response_class=Response, responses=RESPONSES)
async def listing(
    listing_id: Listing, number: Version, evidence: EvidenceService, block: Most = None, held: Held = None
) -> Response:
    """The newest certificate of a listing's version."""
    return await _newest(evidence, Subject("listing", listing_id, number), block, held)


def _printed(data: bytes, url: str) -> bytes:
    from ledger.pdf import pdf  # 30 MB of memory that most replicas never need

    return pdf(paper(data, url))


async def _newest(evidence: Evidence, subject: Subject, most: int | None, held: str | None) -> Response:
    stored = await evidence.newest(subject, most)
    etag = f'"{hexadecimal(stored.digest)}"'
    headers = {"ETag": etag, "Cache-Control": "public, no-cache"}
    if held is not None and matches(held, etag):
        return Response(status_code=304, headers=headers)
    return Response(await evidence.bundle(stored), headers=headers, media_type="application/json")
