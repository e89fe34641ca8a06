from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, MetadataService
from api.errors import documented
from api.middleware import unbounded
from api.schemas.metadata import DocumentInfo
from api.schemas.values import Hash, hexadecimal
from ledger.domain.document import BadDocument
from ledger.services.metadata import DocumentTooLarge, WrongHash
from ledger.store.metadata import DocumentUnknown

router = APIRouter(prefix="/metadata", tags=["metadata"])

Digest = Annotated[Hash, Path(description="Keccak-256 of the document's canonical form (RFC 8785).")]
JSON: Final[dict[str, Any]] = {"application/ld+json": {"schema": {"type": "object"}}}


@router.put(
    "/{digest}",
    openapi_extra={"requestBody": {"required": True, "content": JSON}},
    responses=documented(*SIGNED_IN, DocumentTooLarge, BadDocument, WrongHash),
)
async def keep(
    request: Request, digest: Digest, current: CurrentSession, metadata: MetadataService
) -> DocumentInfo:
    """Keeps a dataset's DCAT document under the hash that the chain knows it by."""
    unbounded(request)
    document = await metadata.keep(digest, current.account, request.stream())
    return DocumentInfo(hash=document.hash, size=len(document.canonical))


@router.get(
    "/{digest}",
    response_class=Response,
    responses=documented(DocumentUnknown) | {200: {"description": "The canonical form.", "content": JSON}},
)
async def document(digest: Digest, metadata: MetadataService) -> Response:
    """A document, in the form that its hash is the hash of."""
    found = await metadata.find(digest)
    headers = {
        "ETag": f'"{hexadecimal(found.hash)}"',
        "Cache-Control": "public, max-age=31536000, immutable",
    }
    return Response(found.canonical, headers=headers, media_type="application/ld+json")
