from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import StreamingResponse

from api import ranges
from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, StreamService
from api.errors import documented
from api.routes.grants import IDEMPOTENCY
from api.schemas.values import IdempotencyKey, LicenceId, hexadecimal
from ledger.services.grants import REFUSALS

router = APIRouter(prefix="/licences", tags=["licences"])

PLAINTEXT: Final[dict[str, Any]] = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "/{licence_id}/plaintext",
    response_class=Response,
    responses=documented(*SIGNED_IN, *REFUSALS, ranges.RangeNotSatisfiable)
    | {
        200: {"description": "All of it, of the media type that was deposited."} | PLAINTEXT,
        206: {"description": "The part asked for."} | PLAINTEXT,
    },
)
async def plaintext(
    licence_id: Annotated[LicenceId, Path(description="The licence's token id.")],
    current: CurrentSession,
    streams: StreamService,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[IdempotencyKey | None, Header(description=IDEMPOTENCY)] = None,
) -> Response:
    """The payload in the clear, whole or in part, for the licence's holder under a plan with streaming.

    The chain is asked again while it lasts: when the right ends, the connection is cut.
    """
    stream = await streams.open(licence_id, current.account, idempotency_key)
    payload = stream.unlocked.payload
    etag = f'"{hexadecimal(payload.root)}.plain"'
    start, end, status, headers = ranges.select(range_, if_range, etag, stream.size)
    headers |= {"Content-Disposition": "attachment"}
    return StreamingResponse(
        streams.read(stream, start, end), status, headers=headers, media_type=payload.media_type
    )
