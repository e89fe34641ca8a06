from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.deps import CurrentSession, SignInService
from api.errors import BodyTooLarge, NotSignedIn, documented
from api.schemas.auth import Challenge, OpenedSession, SessionInfo, SignedMessage
from ledger.domain.entitlement import Undecidable
from ledger.domain.signature import BadSignature
from ledger.domain.siwe import SiweError
from ledger.store.sessions import NonceUnknown, SessionUnknown

SIGNED_IN: Final = (NotSignedIn, SessionUnknown)

router = APIRouter(prefix="/auth", tags=["sign-in"])


@router.get("/nonce", responses=documented())
async def nonce(sign_in: SignInService) -> Challenge:
    """A nonce for one EIP-4361 message, and what that message must say."""
    challenge = await sign_in.challenge()
    return Challenge(
        domain=challenge.party.domain,
        uri=challenge.party.uri,
        chain_id=challenge.party.chain_id,
        nonce=challenge.nonce,
        issued_at=challenge.issued_at,
        expiration_time=challenge.expires_at,
    )


@router.post(
    "/verify", responses=documented(SiweError, BadSignature, NonceUnknown, Undecidable, BodyTooLarge)
)
async def verify(signed: SignedMessage, sign_in: SignInService) -> OpenedSession:
    """Opens a session for the account that signed the message. A message works once."""
    opened = await sign_in.open(signed.message, signed.signature)
    return OpenedSession(
        account=opened.session.account, expires_at=opened.session.expires_at, token=opened.token
    )


@router.get("/session", responses=documented(*SIGNED_IN))
async def session(current: CurrentSession) -> SessionInfo:
    """Who is signed in."""
    return SessionInfo(account=current.account, expires_at=current.expires_at)


@router.delete("/session", status_code=204, responses=documented(*SIGNED_IN))
async def sign_out(
    current: CurrentSession,
    sign_in: SignInService,
    everywhere: Annotated[bool, Query(description="Close the account's other sessions too.")] = False,
) -> None:
    """Ends the session."""
    if everywhere:
        await sign_in.close_all(current)
    else:
        await sign_in.close(current)
