from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, SampleService
from api.errors import documented
from api.middleware import unbounded
from api.schemas.samples import SampleInfo
from api.schemas.values import Hash, MediaType, hexadecimal
from ledger.domain.deposit import SellerIneligible
from ledger.domain.entitlement import Undecidable
from ledger.domain.erasure import NotSeller
from ledger.services.deposits import QuotaExceeded
from ledger.services.metadata import WrongHash
from ledger.services.samples import SampleTooLarge
from ledger.store.samples import SampleUnknown

router = APIRouter(prefix="/samples", tags=["samples"])

Digest = Annotated[Hash, Path(description="SHA-256 of the sample, as the listing's metadata names it.")]
ANY: Final[dict[str, Any]] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}


@router.put(
    "/{sha256}",
    openapi_extra={"requestBody": {"required": True, "content": ANY}},
    responses=documented(*SIGNED_IN, SellerIneligible, Undecidable, SampleTooLarge, WrongHash, QuotaExceeded),
)
async def keep(
    request: Request,
    sha256: Digest,
    current: CurrentSession,
    samples: SampleService,
    content_type: Annotated[MediaType, Header(include_in_schema=False)] = "application/octet-stream",
) -> SampleInfo:
    """Keeps a sample of a dataset, as the raw body. Everybody may have it from then on."""
    unbounded(request)
    kept = await samples.keep(sha256, current.account, content_type, request.stream())
    return SampleInfo.model_validate(kept, from_attributes=True)


@router.get(
    "/{sha256}",
    response_class=Response,
    responses=documented(SampleUnknown) | {200: {"description": "The sample.", "content": ANY}},
)
async def sample(sha256: Digest, samples: SampleService) -> Response:
    """A sample, for anybody, without a licence."""
    found, content = await samples.find(sha256)
    headers = {
        "ETag": f'"{hexadecimal(sha256)}"',
        "Cache-Control": "public, max-age=86400",
        "Content-Disposition": "attachment",  # a stranger's file: never a page of ours
    }
    return Response(content, headers=headers, media_type=found.media_type)


@router.delete(
    "/{sha256}", status_code=204, responses=documented(*SIGNED_IN, SampleUnknown, NotSeller, Undecidable)
)
async def delete(sha256: Digest, current: CurrentSession, samples: SampleService) -> None:
    """Withdraws a sample, as who sent it or a supervisor wants."""
    await samples.delete(sha256, current.account)
