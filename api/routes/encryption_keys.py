from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.routes import SIGNED_IN
from api.deps import CurrentSession, EncryptionKeyService
from api.errors import BodyTooLarge, documented
from api.schemas.encryption_keys import EncryptionKeyInfo, EncryptionKeyList, Registration, SuiteName
from ledger.crypto.seal import BadKeyEncoding, Suite, check_public_key
from ledger.domain.encryption_key import EncryptionKey, KeyUnregistered, Registered, RegistrationStale
from ledger.domain.entitlement import Undecidable
from ledger.domain.signature import BadSignature

router = APIRouter(prefix="/encryption-keys", tags=["encryption keys"])


@router.put(
    "",
    responses=documented(
        *SIGNED_IN, BodyTooLarge, BadKeyEncoding, RegistrationStale, BadSignature, Undecidable
    ),
)
async def register(
    asked: Registration, current: CurrentSession, keys: EncryptionKeyService
) -> EncryptionKeyInfo:
    """Registers the key that data keys are sealed to, in place of any of its suite before.

    The same again is no error.
    """
    key = EncryptionKey(current.account, asked.public_key, asked.sequence, asked.deadline)
    return _info(await keys.register(key, asked.signature))


@router.get("", responses=documented(*SIGNED_IN))
async def registered(current: CurrentSession, keys: EncryptionKeyService) -> EncryptionKeyList:
    """One's own keys, the last of each suite."""
    return EncryptionKeyList(keys=[_info(one) for one in await keys.of(current.account)])


@router.delete("/{suite}", status_code=204, responses=documented(*SIGNED_IN, KeyUnregistered))
async def revoke(
    suite: Annotated[SuiteName, Path(description="Of the key.")],
    current: CurrentSession,
    keys: EncryptionKeyService,
) -> None:
    """From now on nothing is sealed to one's key of this suite."""
    await keys.revoke(current.account, Suite[suite])


def _info(registered: Registered) -> EncryptionKeyInfo:
    return EncryptionKeyInfo(
        suite=check_public_key(registered.key.public_key).name,
        public_key=registered.key.public_key,
        sequence=registered.key.sequence,
        registered_at=registered.registered_at,
        revoked_at=registered.revoked_at,
    )
