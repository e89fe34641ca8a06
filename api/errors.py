"""Exceptions become problems here and nowhere else.

`PROBLEMS` is the whole table: what a module raises and the stable code that callers see. What is not in it is
a 500 that says nothing. Messages of the exceptions in it hold no secret: every module promises so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.ranges import RangeNotSatisfiable
from api.schemas.problems import Fault, Problem
from ledger.crypto import chunked, merkle, seal
from ledger.domain import (
    deposit,
    document,
    encryption_key,
    entitlement,
    erasure,
    evidence,
    history,
    listing,
    signature,
    siwe,
    upload,
)
from ledger.keys import port as custody
from ledger.keys import shares
from ledger.objects import port as objects
from ledger.services import access_log, deposits, grants, limits, live, pace, readiness
from ledger.services import metadata as services_metadata
from ledger.services import samples as services_samples
from ledger.store import metadata, samples, sessions

MEDIA_TYPE: Final = "application/problem+json"
SCHEMAS: Final = "#/components/schemas/"


class NotSignedIn(Exception):
    """The request needs a session and carries none."""


class BodyTooLarge(Exception):
    """The body is larger than this address takes."""


class TusVersion(Exception):
    """The request is of another version of tus than the one spoken here."""

    headers: ClassVar = {"Tus-Version": "1.0.0"}


class NotAnOffsetStream(Exception):
    """The body of a PATCH has another content type than tus asks for."""


class ChecksumMalformed(Exception):
    """The checksum of an upload is of another algorithm, or none."""


class ProblemUnknown(Exception):
    """The table has no such code."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the table. `title` says what the code means, the same every time."""

    status: int
    code: str
    title: str


INTERNAL: Final = Kind(
    500, "internal", "Something is wrong on this side; the request id finds it in the log."
)
NOT_FOUND: Final = Kind(404, "not-found", "There is nothing at this address.")
NOT_ALLOWED: Final = Kind(405, "method-not-allowed", "This address does not answer this method.")
INVALID: Final = Kind(422, "invalid-request", "The request does not fit its description; faults say where.")

PROBLEMS: Final[Mapping[type[Exception], Kind]] = {
    BodyTooLarge: Kind(413, "body-too-large", "The body is larger than this address takes."),
    TusVersion: Kind(412, "tus-version", "Another version of tus is spoken here; Tus-Version says which."),
    NotAnOffsetStream: Kind(415, "not-an-offset-stream", "The content type is not the one of tus."),
    ProblemUnknown: Kind(404, "problem-unknown", "There is no such problem code."),
    limits.RateLimited: Kind(429, "rate-limited", "Too many requests; Retry-After says when to go on."),
    NotSignedIn: Kind(401, "not-signed-in", "Sign in first."),
    sessions.SessionUnknown: Kind(401, "session-unknown", "The session has ended; sign in again."),
    sessions.NonceUnknown: Kind(
        401, "nonce-unknown", "The nonce is unknown, expired or used; ask for another."
    ),
    siwe.NotSiwe: Kind(400, "message-malformed", "The text is not an EIP-4361 message."),
    siwe.WrongDomain: Kind(401, "message-domain", "The message was signed for another domain."),
    siwe.WrongScheme: Kind(401, "message-scheme", "The message was signed for another scheme."),
    siwe.WrongUri: Kind(401, "message-uri", "The message was signed for another URI."),
    siwe.WrongChain: Kind(401, "message-chain", "The message was signed for another chain."),
    siwe.NotYetValid: Kind(401, "message-early", "The message is not valid yet; check the clock."),
    siwe.Expired: Kind(401, "message-expired", "The message has expired; ask for another nonce."),
    signature.MalformedSignature: Kind(401, "signature-malformed", "No key makes such a signature."),
    signature.MalleableSignature: Kind(
        401, "signature-malleable", "The signature is the refused twin of one."
    ),
    signature.BadSignature: Kind(401, "signature-wrong", "The signature is not this account's."),
    deposit.SellerIneligible: Kind(403, "seller-ineligible", "The chain does not let this account sell."),
    deposit.DepositUnknown: Kind(404, "deposit-unknown", "This account has no such deposit."),
    deposit.DepositTaken: Kind(409, "deposit-taken", "That was done already, or the deposit is gone."),
    deposit.PayloadUnknown: Kind(404, "payload-unknown", "The vault holds no such payload."),
    deposits.TooManyDeposits: Kind(429, "deposits-waiting", "Complete or abandon earlier deposits first."),
    deposits.UploadTooLarge: Kind(413, "upload-too-large", "No payload may be that large."),
    deposits.QuotaExceeded: Kind(413, "quota-exceeded", "The account's quota has no room for this."),
    deposits.NothingUploaded: Kind(409, "nothing-uploaded", "The ciphertext has not arrived yet."),
    deposits.WrongRoot: Kind(422, "root-mismatch", "What arrived has another Merkle root."),
    deposits.WrongSize: Kind(422, "size-mismatch", "What arrived has another size."),
    ChecksumMalformed: Kind(400, "checksum-malformed", "No checksum that is taken here."),
    upload.ChecksumMismatch: Kind(460, "checksum-mismatch", "What arrived is not what was sent."),
    pace.UploadTooSlow: Kind(408, "upload-too-slow", "The body came too slowly; what came is kept."),
    upload.SectionMisplaced: Kind(409, "section-misplaced", "No section of this ciphertext can lie there."),
    upload.OffsetMismatch: Kind(409, "offset-mismatch", "The section goes on elsewhere; offset says where."),
    chunked.Truncated: Kind(422, "ciphertext-truncated", "No ciphertext of this format has that size."),
    chunked.CommitmentMismatch: Kind(422, "key-mismatch", "The key does not open this ciphertext."),
    seal.BadKeyEncoding: Kind(422, "public-key-malformed", "Nothing can be sealed to this public key."),
    seal.SealError: Kind(422, "sealed-key-unopened", "The sealed key does not open for the vault."),
    objects.StorageFull: Kind(507, "storage-full", "The vault has no room; the operator has to act."),
    merkle.LeafOutOfRange: Kind(404, "block-unknown", "The payload has no such block."),
    RangeNotSatisfiable: Kind(416, "range-not-satisfiable", "The range lies behind the end."),
    grants.Denied: Kind(403, "denied", "The chain denies it; reason says why, block where."),
    grants.NotStreamed: Kind(403, "not-streamed", "The plan releases keys only; fetch and decrypt."),
    encryption_key.KeyUnregistered: Kind(
        403, "key-unregistered", "The account has not registered this public key, or not any more."
    ),
    encryption_key.RegistrationStale: Kind(
        409, "registration-stale", "A later registration exists, or the deadline is over; sign anew."
    ),
    erasure.PayloadWithdrawn: Kind(
        410, "payload-withdrawn", "The payload's erasure was asked for; no key is released any more."
    ),
    shares.KeyErased: Kind(410, "payload-erased", "The payload's keys are destroyed."),
    erasure.ErasureUnknown: Kind(404, "erasure-unknown", "Nobody asked for the erasure of this payload."),
    erasure.ErasureDone: Kind(409, "erasure-done", "The keys are destroyed; that is not taken back."),
    erasure.NotSeller: Kind(
        403,
        "not-seller",
        "Only its seller or a supervisor has it erased, and takes that back.",
    ),
    grants.PayloadMismatch: Kind(409, "payload-mismatch", "The vault holds something else than was listed."),
    entitlement.UseRefused: Kind(403, "use-refused", "The chain does not count the use; reason says why."),
    entitlement.UseUncounted: Kind(
        503, "use-uncounted", "The use is not on chain yet; ask again with the same Idempotency-Key."
    ),
    metadata.DocumentUnknown: Kind(404, "document-unknown", "There is no document of this hash."),
    services_metadata.DocumentTooLarge: Kind(413, "document-too-large", "No document may be that large."),
    services_metadata.WrongHash: Kind(
        422, "hash-mismatch", "What was sent has another hash than its address."
    ),
    document.BadDocument: Kind(422, "document-malformed", "Not a JSON object with a canonical form."),
    evidence.EvidenceUnknown: Kind(
        404, "evidence-unknown", "No certificate of this is kept, or none so early."
    ),
    samples.SampleUnknown: Kind(404, "sample-unknown", "There is no such sample."),
    services_samples.SampleTooLarge: Kind(413, "sample-too-large", "No sample may be that large."),
    access_log.TileUnknown: Kind(404, "tile-unknown", "The access log has no such tile yet."),
    listing.ListingUnknown: Kind(404, "listing-unknown", "There is no such listing, or version of it."),
    listing.LicenceUnknown: Kind(404, "licence-unknown", "There is no such licence."),
    history.NotOverseer: Kind(403, "not-overseer", "Only supervisors and the operator look at the history."),
    history.BlockUnknown: Kind(404, "block-not-indexed", "The index holds no such final block."),
    history.ExportTooLarge: Kind(413, "export-too-large", "Export fewer blocks at a time."),
    history.FormatUnavailable: Kind(501, "format-unavailable", "The service cannot write this format."),
    live.TooManySubscribers: Kind(503, "subscribers", "Nobody more can be told; come back later."),
    history.ParticipantUnknown: Kind(404, "participant-unknown", "The account was never accredited."),
    custody.CustodyUnavailable: Kind(
        503, "custody-unavailable", "The custodian of keys cannot be asked; nothing is released."
    ),
    readiness.NotReady: Kind(503, "not-ready", "Not every part answers; parts says which."),
    entitlement.NodeUnreachable: Kind(
        503, "node-unreachable", "The chain cannot be asked; nothing is released."
    ),
    entitlement.NodesDisagree: Kind(
        503, "nodes-disagree", "The nodes of the chain contradict each other; nothing is released."
    ),
    entitlement.NodeStale: Kind(503, "node-stale", "The chain's last final block is too old to act on."),
}


def kinds() -> list[Kind]:
    """Every kind there is, by code."""
    return sorted({*PROBLEMS.values(), INTERNAL, NOT_FOUND, NOT_ALLOWED, INVALID}, key=lambda kind: kind.code)


def documented(*errors: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that raises `errors` or their subclasses, besides what every route does:
    a 422, a 429 and a 500."""
    found = {INVALID, INTERNAL, PROBLEMS[limits.RateLimited]}
    found |= {kind for error, kind in PROBLEMS.items() if issubclass(error, errors)}
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in sorted(found, key=lambda kind: (kind.status, kind.code)):
        entry = by_status.setdefault(
            kind.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}}},
        )
        entry["description"] += f"`{kind.code}`: {kind.title}\n\n"
    return by_status


def problem(
    request: Request, kind: Kind, detail: str = "", faults: list[Fault] | None = None, **extra: object
) -> Response:
    request.state.code = kind.code
    body = Problem(
        type=f"/v1/problems/{kind.code}",
        title=kind.title,
        status=kind.status,
        code=kind.code,
        detail=detail or kind.title,
        request_id=request.state.request_id,
        faults=faults,
        **extra,
    )
    headers = {"WWW-Authenticate": "Bearer"} if kind.status == 401 else {}
    return Response(
        body.model_dump_json(exclude_none=True), kind.status, headers=headers, media_type=MEDIA_TYPE
    )


def known(request: Request, error: Exception) -> Response:
    """The answer to an exception of the table."""
    kind = next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)
    response = problem(request, kind, str(error), **getattr(error, "facts", {}))
    response.headers.update(getattr(error, "headers", {}))
    return response


async def _known(request: Request, error: Exception) -> Response:
    return known(request, error)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    faults = [Fault(where=".".join(map(str, fault["loc"])), message=fault["msg"]) for fault in error.errors()]
    return problem(request, INVALID, faults=faults)


async def _http(request: Request, error: HTTPException) -> Response:
    if isinstance(error.__cause__, BodyTooLarge):  # raised while FastAPI read the body
        return known(request, error.__cause__)
    kind = {400: INVALID, 404: NOT_FOUND, 405: NOT_ALLOWED}.get(error.status_code, INTERNAL)
    response = problem(request, kind)
    response.headers.update(error.headers or {})
    return response


async def _gone(_request: Request, _error: Exception) -> Response:
    """The client has hung up; nobody reads this."""
    return Response(status_code=499)


def install(app: FastAPI) -> None:
    for error in PROBLEMS:
        app.add_exception_handler(error, _known)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.add_exception_handler(ClientDisconnect, _gone)
    described = app.openapi

    def with_problems() -> dict[str, Any]:
        """FastAPI describes the models of answers only; `documented` points at this one."""
        description = described()
        schema = Problem.model_json_schema(ref_template=SCHEMAS + "{model}")
        description["components"]["schemas"] |= schema.pop("$defs") | {"Problem": schema}
        return description

    app.openapi = with_problems  # type: ignore[method-assign]
