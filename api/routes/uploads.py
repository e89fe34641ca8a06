"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload), with creation,
checksum and termination.

A tus upload is a section of a deposit's ciphertext, by default all of it. Several sections may be sent at the
same time; each begins at a block (see `/payloads/{root}/leaves`). When all have arrived the deposit has its
ciphertext, and its uploads are gone.
"""

from base64 import b64decode
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, UploadService
from api.errors import ChecksumMalformed, NotAnOffsetStream, TusVersion, documented
from api.middleware import unbounded
from api.schemas.values import Hash, SectionId, hexadecimal
from ledger.crypto.chunked import Truncated
from ledger.domain.deposit import DepositTaken, DepositUnknown
from ledger.domain.upload import ChecksumMismatch, OffsetMismatch, Section, SectionMisplaced
from ledger.objects.port import StorageFull
from ledger.services.deposits import QuotaExceeded, UploadTooLarge
from ledger.services.pace import UploadTooSlow

VERSION: Final = "1.0.0"
BODY: Final = "application/offset+octet-stream"
EXTENSIONS: Final = "creation,checksum,termination"
CHECKSUM: Final = "sha256"
LARGEST: Final = (1 << 63) - 1

router = APIRouter(tags=["deposits"])

UploadId = Annotated[SectionId, Path(description="The upload's id.")]
Resumable = Annotated[str, Header(alias="Tus-Resumable", description=f"`{VERSION}`")]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=LARGEST)]
RAW: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {BODY: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.options("/uploads", status_code=204, response_class=Response, responses=documented())
async def speaks(uploads: UploadService) -> Response:
    """What of tus is spoken here."""
    headers = {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": CHECKSUM,
        "Tus-Max-Size": str(uploads.terms.largest),
    }
    return Response(status_code=204, headers=headers)


@router.post(
    "/deposits/{deposit_id}/uploads",
    status_code=201,
    response_class=Response,
    responses=documented(
        *SIGNED_IN,
        DepositUnknown,
        DepositTaken,
        SectionMisplaced,
        UploadTooLarge,
        QuotaExceeded,
        Truncated,
        TusVersion,
    ),
)
async def open_upload(
    deposit_id: Annotated[Hash, Path(description="The deposit's id.")],
    current: CurrentSession,
    uploads: UploadService,
    version: Resumable,
    length: Annotated[int, Header(alias="Upload-Length", gt=0, le=LARGEST, description="Of the section.")],
    start: Annotated[int, Query(ge=0, le=LARGEST, description="Where in the ciphertext it begins.")] = 0,
    total: Annotated[
        int | None, Query(gt=0, le=LARGEST, description="Bytes of ciphertext in all; by default the section.")
    ] = None,
) -> Response:
    """Opens a section of the ciphertext, or finds the one that is open."""
    _speaks(version)
    section = await uploads.open(
        deposit_id,
        current.account,
        start=start,
        size=length,
        total=start + length if total is None else total,
    )
    return _answer(201, section, {"Location": f"/v1/uploads/{hexadecimal(section.id)}"})


@router.head(
    "/uploads/{upload_id}",
    response_class=Response,
    responses=documented(*SIGNED_IN, DepositUnknown, TusVersion),
)
async def progress(
    upload_id: UploadId, current: CurrentSession, uploads: UploadService, version: Resumable
) -> Response:
    """How much of a section has arrived, and is kept."""
    _speaks(version)
    return _answer(200, await uploads.find(upload_id, current.account))


@router.patch(
    "/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    openapi_extra=RAW,
    responses=documented(
        *SIGNED_IN,
        DepositUnknown,
        OffsetMismatch,
        ChecksumMismatch,
        ChecksumMalformed,
        UploadTooSlow,
        StorageFull,
        TusVersion,
        NotAnOffsetStream,
    ),
)
async def send(
    request: Request,
    upload_id: UploadId,
    current: CurrentSession,
    uploads: UploadService,
    version: Resumable,
    offset: Offset,
    checksum: Annotated[
        str | None, Header(alias="Upload-Checksum", description="Of the body: `sha256`, a blank, base64.")
    ] = None,
) -> Response:
    """Takes more of a section, as the raw body. Of what was cut, whole blocks are kept: ask how far it is.

    With a checksum, all of the body is kept or nothing.
    """
    unbounded(request)
    _speaks(version)
    if request.headers.get("content-type") != BODY:
        raise NotAnOffsetStream(f"the content type is {BODY}")
    sha256 = None if checksum is None else _sha256(checksum)
    return _answer(204, await uploads.append(upload_id, current.account, offset, request.stream(), sha256))


@router.delete(
    "/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    responses=documented(*SIGNED_IN, DepositUnknown, TusVersion),
)
async def terminate(
    upload_id: UploadId, current: CurrentSession, uploads: UploadService, version: Resumable
) -> Response:
    """Gives up a section; what arrived of it is thrown away."""
    _speaks(version)
    await uploads.terminate(upload_id, current.account)
    return Response(status_code=204, headers={"Tus-Resumable": VERSION})


def _speaks(version: str) -> None:
    if version != VERSION:
        raise TusVersion(f"tus {VERSION} is spoken here")


def _sha256(checksum: str) -> bytes:
    algorithm, _, encoded = checksum.partition(" ")
    try:
        digest = b64decode(encoded, validate=True)
    except ValueError:
        digest = b""
    if algorithm != CHECKSUM or len(digest) != 32:
        raise ChecksumMalformed(f"a checksum is {CHECKSUM}, a blank, and 32 bytes in base64")
    return digest


def _answer(status: int, section: Section, headers: dict[str, str] | None = None) -> Response:
    told = {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(section.offset),
        "Upload-Length": str(section.size),
    }
    return Response(status_code=status, headers=told | (headers or {}))
