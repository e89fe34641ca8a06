from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from api.deps import AccessLogService
from api.errors import documented
from ledger.services.access_log import TileUnknown

router = APIRouter(prefix="/log", tags=["access log"])

TEXT: Final[dict[str, Any]] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
BINARY: Final[dict[str, Any]] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}


@router.get(
    "/checkpoint",
    response_class=Response,
    responses=documented() | {200: {"description": "A signed note (C2SP tlog-checkpoint)."} | TEXT},
)
async def checkpoint(log: AccessLogService) -> Response:
    """What the access log commits to now: every key release, refusal and download is an entry."""
    found = await log.checkpoint()
    return Response(found.sign(log.key), headers={"Cache-Control": "no-cache"}, media_type="text/plain")


@router.get(
    "/key",
    response_class=Response,
    responses=documented() | {200: {"description": "A verifier key (C2SP signed-note)."} | TEXT},
)
async def key(log: AccessLogService) -> Response:
    """The public key that signs checkpoints."""
    return Response(f"{log.verifier}\n", media_type="text/plain")


@router.get(
    "/tile/{path:path}",
    response_class=Response,
    responses=documented(TileUnknown) | {200: {"description": "The tile."} | BINARY},
)
async def tile(
    path: Annotated[str, Path(description="`<L>/<N>` or `entries/<N>`, and `.p/<W>` of a partial one.")],
    log: AccessLogService,
) -> Response:
    """A tile of hashes, or a bundle of entries (C2SP tlog-tiles): the same bytes for ever."""
    data = await log.tile(f"tile/{path}")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(data, headers=headers, media_type="application/octet-stream")
