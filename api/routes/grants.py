import json
from typing import Annotated

from eth_utils.address import to_checksum_address
from fastapi import APIRouter, Header, Path, Query, Response

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, GrantService
from api.errors import BodyTooLarge, documented
from api.schemas.grants import (
    ChainDecision,
    EntitlementInfo,
    GrantInfo,
    GrantList,
    GrantRecord,
    GrantRequest,
)
from api.schemas.values import Address, IdempotencyKey, LicenceId, hexadecimal
from ledger.crypto.seal import BadKeyEncoding
from ledger.domain.entitlement import Undecidable
from ledger.domain.grant import Grant
from ledger.services.grants import REFUSALS

router = APIRouter(tags=["licences"])

IDEMPOTENCY = (
    "Chosen by the caller. Under a plan with a quota, the same question (licence, version, public key, "
    "purpose) with the same key counts as one use, so a lost answer can be asked for again. Without it, each "
    "release is a use of its own."
)


@router.get(
    "/licences/{licence_id}/entitlement", response_model=EntitlementInfo, responses=documented(Undecidable)
)
async def entitlement(
    licence_id: Annotated[LicenceId, Path(description="The licence's token id.")],
    account: Annotated[Address, Query(description="Whose right is asked about.")],
    grants: GrantService,
) -> Response:
    """What the chain says about an account's right, and at which final block. Releases nothing."""
    decision = await grants.entitlements.decide(licence_id, account)
    # written by hand: a response model costs more than the question to the chain
    body = {
        "licence": str(decision.licence),
        "account": to_checksum_address(decision.account),
        "denial": decision.denial,
        "block_number": decision.block.number,
        "block_hash": hexadecimal(decision.block.hash),
        "listing": decision.listing,
        "version": decision.version,
        "plan": str(decision.plan),
        "expires_at": str(decision.expires_at),
        "uses_left": decision.uses_left,
    }
    return Response(json.dumps(body), media_type="application/json")


@router.post(
    "/licences/{licence_id}/grants",
    status_code=201,
    responses=documented(*SIGNED_IN, BodyTooLarge, BadKeyEncoding, *REFUSALS),
)
async def release(
    licence_id: Annotated[LicenceId, Path(description="The licence's token id.")],
    asked: GrantRequest,
    current: CurrentSession,
    grants: GrantService,
    idempotency_key: Annotated[IdempotencyKey | None, Header(description=IDEMPOTENCY)] = None,
) -> GrantInfo:
    """Releases the data key to the licence's holder if the chain says so; recorded either way.

    Under a plan with a quota, each release is a use, counted on chain before the key is given.
    """
    released = await grants.release(
        licence_id, current.account, asked.public_key, asked.purpose, idempotency_key
    )
    decision, payload, context = released.decision, released.payload, released.context
    return GrantInfo(
        id=released.grant.id,
        licence=decision.licence,
        listing=decision.listing,
        version=decision.version,
        purpose=context.purpose,
        chain_id=context.chain_id,
        licences=context.licences_address,
        block_number=decision.block.number,
        block_hash=decision.block.hash,
        valid_until=released.valid_until,
        expires_at=decision.expires_at,
        root=payload.root,
        size=payload.size,
        media_type=payload.media_type,
        context=released.encryption.payload_context(),
        sealed_key=released.sealed_key,
    )


@router.get("/grants", responses=documented(*SIGNED_IN))
async def granted(
    current: CurrentSession,
    grants: GrantService,
    cursor: Annotated[str | None, Query(pattern="^[0-9]{1,12}-[0-9a-f]{32}$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> GrantList:
    """What this account was answered when it asked for keys, the newest first."""
    before = None
    if cursor is not None:
        at, _, last = cursor.partition("-")
        before = int(at), bytes.fromhex(last)
    found = await grants.of(current.account, before, limit)
    return GrantList(
        grants=[_record(grant) for grant in found],
        next=f"{found[-1].at}-{found[-1].id.hex()}" if len(found) == limit else None,
    )


def _record(grant: Grant) -> GrantRecord:
    decision = grant.decision
    return GrantRecord(
        id=grant.id,
        at=grant.at,
        licence=grant.licence,
        purpose=grant.purpose,
        public_key=grant.public_key,
        denial=grant.denial,
        rule=grant.rule,
        decision=None
        if decision is None
        else ChainDecision(
            reason=decision.denial,
            listing=decision.listing,
            version=decision.version,
            block_number=decision.block.number,
            block_hash=decision.block.hash,
        ),
        valid_until=grant.valid_until,
    )
