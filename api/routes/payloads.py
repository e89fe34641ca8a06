from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from api import ranges, zerocopy
from api.deps import PayloadService
from api.errors import documented
from api.schemas.payloads import ProofInfo
from api.schemas.values import Hash, hexadecimal
from ledger.crypto.merkle import LeafOutOfRange, leaf_range
from ledger.domain.deposit import PayloadUnknown

router = APIRouter(prefix="/payloads", tags=["payloads"])

BINARY: Final[dict[str, Any]] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}
RESPONSES: Final = documented(PayloadUnknown, ranges.RangeNotSatisfiable) | {
    200: {"description": "The whole ciphertext."} | BINARY,
    206: {"description": "The part asked for."} | BINARY,
    304: {"description": "The caller has it already."},
    307: {"description": "The store itself gives the bytes asked for, at `Location`, for a short time."},
}


@router.head("/{root}", response_class=Response, responses=RESPONSES)
@router.get("/{root}", response_class=Response, responses=RESPONSES)
async def payload(
    request: Request,
    root: Annotated[Hash, Path(description="Merkle root of the ciphertext.")],
    payloads: PayloadService,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Ciphertext by its root: the same bytes for ever, for anybody, whole or in part.

    A range with both its ends may be answered with the address of the store that has it (307).
    """
    found = await payloads.find(root)
    etag = f'"{hexadecimal(root)}"'
    for_ever = {"Cache-Control": "public, max-age=31536000, immutable"}
    if if_none_match is not None and ranges.matches(if_none_match, etag):
        return Response(status_code=304, headers=for_ever | {"ETag": etag, "Accept-Ranges": "bytes"})
    start, end, status, headers = ranges.select(range_, if_range, etag, found.size)
    headers |= for_ever
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="application/octet-stream")
    exact = range_ == f"bytes={start}-{end - 1}"  # of no other would the store give just these bytes
    if exact and (url := await payloads.elsewhere(found, start, end)) is not None:
        return RedirectResponse(url, 307, headers={"Cache-Control": "no-store"})
    if zerocopy.offered(request) and (file := await payloads.file(found, start, end)) is not None:
        return zerocopy.ZeroCopyResponse(file, start, end, status, headers, "application/octet-stream")
    return StreamingResponse(
        payloads.stream(found, start, end), status, headers=headers, media_type="application/octet-stream"
    )


@router.get(
    "/{root}/leaves",
    response_class=Response,
    responses=documented(PayloadUnknown) | {200: {"description": "The leaf list."} | BINARY},
)
async def leaves(
    root: Annotated[Hash, Path(description="Merkle root of the ciphertext.")], payloads: PayloadService
) -> Response:
    """What verifies each block by itself: the RFC 6962 leaf hashes in order, 32 bytes each.

    Their root is the root of the payload. Leaf 0 is the first 1,049,656 bytes of the ciphertext, each further
    leaf 1,049,600, the last what remains.
    """
    found = await payloads.find(root)
    headers = {"ETag": f'"{hexadecimal(root)}"', "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(await payloads.leaves(found), headers=headers, media_type="application/octet-stream")


@router.get("/{root}/proof/{index}", responses=documented(PayloadUnknown, LeafOutOfRange))
async def proof(
    root: Annotated[Hash, Path(description="Merkle root of the ciphertext.")],
    index: Annotated[int, Path(ge=0, lt=2**32, description="Of the block, from 0.")],
    payloads: PayloadService,
) -> ProofInfo:
    """What shows that the block at `start` to `end` is under the root: with the block, that it is held.

    Anybody may ask for any block at any time, and check the answer against the root and size on chain.
    """
    found = await payloads.find(root)
    path = await payloads.proof(found, index)
    start, end = leaf_range(index, found.size)
    return ProofInfo(size=found.size, start=start, end=end, path=path)
