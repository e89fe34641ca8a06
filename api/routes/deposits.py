from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, DepositService
from api.errors import BodyTooLarge, documented
from api.middleware import unbounded
from api.schemas.deposits import Completion, DepositInfo, ReceiptInfo, UploadInfo
from api.schemas.values import Hash, IdempotencyKey
from ledger.crypto.chunked import CommitmentMismatch, Truncated
from ledger.crypto.seal import SealError
from ledger.domain.deposit import Deposit, DepositTaken, DepositUnknown, SellerIneligible
from ledger.domain.entitlement import Undecidable
from ledger.keys import CustodyUnavailable
from ledger.keys.shares import KeyErased
from ledger.objects.port import StorageFull
from ledger.services.deposits import (
    Deposits,
    NothingUploaded,
    QuotaExceeded,
    TooManyDeposits,
    UploadTooLarge,
    WrongRoot,
    WrongSize,
)
from ledger.services.pace import UploadTooSlow

router = APIRouter(prefix="/deposits", tags=["deposits"])

DepositId = Annotated[Hash, Path(description="The deposit's id.")]
ONCE: Final = (
    "Chosen by the caller. The same key gives the same deposit, so a lost answer can be asked for again."
)
RAW: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "", status_code=201, responses=documented(*SIGNED_IN, SellerIneligible, TooManyDeposits, Undecidable)
)
async def open_deposit(
    current: CurrentSession,
    deposits: DepositService,
    idempotency_key: Annotated[IdempotencyKey | None, Header(description=ONCE)] = None,
) -> DepositInfo:
    """Draws an id to encrypt under."""
    return _info(deposits, await deposits.open(current.account, idempotency_key))


@router.get("/{deposit_id}", responses=documented(*SIGNED_IN, DepositUnknown))
async def deposit(deposit_id: DepositId, current: CurrentSession, deposits: DepositService) -> DepositInfo:
    """How far a deposit of one's own is."""
    return _info(deposits, await deposits.find(deposit_id, current.account))


@router.put(
    "/{deposit_id}/ciphertext",
    openapi_extra=RAW,
    responses=documented(
        *SIGNED_IN,
        DepositUnknown,
        DepositTaken,
        UploadTooLarge,
        UploadTooSlow,
        QuotaExceeded,
        Truncated,
        StorageFull,
    ),
)
async def send_ciphertext(
    request: Request,
    deposit_id: DepositId,
    current: CurrentSession,
    deposits: DepositService,
    content_length: Annotated[int | None, Header(ge=0, include_in_schema=False)] = None,
) -> UploadInfo:
    """Takes the ciphertext, once, as the raw body. An interrupted one leaves nothing: see `/uploads`."""
    unbounded(request)
    upload = await deposits.receive(deposit_id, current.account, request.stream(), content_length)
    return UploadInfo(root=upload.root, size=upload.size)


@router.post(
    "/{deposit_id}/complete",
    responses=documented(
        *SIGNED_IN,
        BodyTooLarge,
        DepositUnknown,
        NothingUploaded,
        WrongRoot,
        WrongSize,
        SealError,
        CommitmentMismatch,
        CustodyUnavailable,
        KeyErased,
    ),
)
async def complete(
    deposit_id: DepositId, completion: Completion, current: CurrentSession, deposits: DepositService
) -> ReceiptInfo:
    """Hands over the key and gets the receipt that the Listings contract asks for; again for a fresh one."""
    receipt = await deposits.complete(
        deposit_id,
        current.account,
        root=completion.root,
        size=completion.size,
        media_type=completion.media_type,
        sealed_key=completion.sealed_key,
    )
    custody = receipt.custody
    return ReceiptInfo(
        seller=custody.seller,
        root=custody.root,
        size=custody.size,
        deposit_id=custody.deposit,
        region=custody.region.decode(),
        deadline=custody.deadline,
        custodian=receipt.custodian,
        signature=receipt.signature,
        media_type=receipt.payload.media_type,
    )


@router.delete(
    "/{deposit_id}", status_code=204, responses=documented(*SIGNED_IN, DepositUnknown, DepositTaken)
)
async def abandon(deposit_id: DepositId, current: CurrentSession, deposits: DepositService) -> None:
    """Gives up a deposit that is not complete."""
    await deposits.abandon(deposit_id, current.account)


def _info(deposits: Deposits, deposit: Deposit) -> DepositInfo:
    terms, upload = deposits.terms, deposit.upload
    return DepositInfo(
        id=deposit.id,
        seller=deposit.seller,
        chain_id=terms.chain_id,
        listings=terms.listings,
        context=deposits.context(deposit).payload_context(),
        vault_public_key=deposits.recipients.recipient().public,
        largest=terms.largest,
        expires_at=deposit.expires_at,
        upload=None if upload is None else UploadInfo(root=upload.root, size=upload.size),
        complete=deposit.payload is not None,
    )
