"""`KeyCustody` over AWS KMS.

An alias names the current master key; a version is the id of a KMS key. (KMS's own rotation of a key's
material changes nothing that could be seen here.) A wrapped key is ``0x03 | length (1) | key id | KMS
ciphertext``. The encryption context is the SHA-256 of the caller's `aad`: KMS writes it to its audit log.

Region and credentials are found as every AWS tool finds them. The service needs ``kms:Encrypt``,
``kms:Decrypt`` and ``kms:DescribeKey``; rotation also ``kms:CreateKey`` and ``kms:UpdateAlias``. A
version is destroyed by scheduling the deletion of its key.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ledger.crypto.seal import DATA_KEY
from ledger.keys.port import BadWrappedKey, CustodyError, CustodyUnavailable, UnknownKeyVersion, UnwrapFailed

_KIND: Final = 3
_MOST: Final = 512
_UNWRAP: Final[Mapping[str, type[CustodyError]]] = {
    "NotFoundException": UnknownKeyVersion,
    "DisabledException": UnknownKeyVersion,
    "KMSInvalidStateException": UnknownKeyVersion,
    "InvalidCiphertextException": UnwrapFailed,
    "IncorrectKeyException": UnwrapFailed,
}
"""What the errors of KMS mean when it is asked to open a key."""


class AwsKms:
    """See `KeyCustody`. `alias` is like ``alias/socai``."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
        try:
            self._kms: Any = botocore.session.get_session().create_client("kms", config=config)
        except BotoCoreError as error:
            raise CustodyUnavailable(f"AWS KMS cannot be used: {type(error).__name__}") from None

    def __repr__(self) -> str:
        return f"<AwsKms {self._alias}>"

    async def current_version(self) -> str:
        """See `KeyCustody.current_version`."""
        answer = await self._ask(lambda: self._kms.describe_key(KeyId=self._alias))
        return str(answer["KeyMetadata"]["KeyId"])

    def version(self, wrapped: bytes) -> str:
        """See `KeyCustody.version`."""
        return _split(wrapped)[0]

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.wrap`."""
        if len(data_key) != DATA_KEY:
            raise ValueError(f"a data key is {DATA_KEY} bytes, not {len(data_key)}")
        answer = await self._ask(
            lambda: self._kms.encrypt(KeyId=self._alias, Plaintext=data_key, EncryptionContext=_context(aad))
        )
        key: bytes = answer["KeyId"].rpartition("/")[2].encode()
        return bytes([_KIND, len(key)]) + key + bytes(answer["CiphertextBlob"])

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.unwrap`."""
        key, ciphertext = _split(wrapped)
        asked = {"KeyId": key, "CiphertextBlob": ciphertext, "EncryptionContext": _context(aad)}
        answer = await self._ask(lambda: self._kms.decrypt(**asked), _UNWRAP)
        opened: bytes = answer["Plaintext"]
        return opened

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.rewrap`. The data key comes by here, so that it is checked also when nothing
        changes."""
        data_key = await self.unwrap(wrapped, aad)
        if self.version(wrapped) == await self.current_version():
            return wrapped
        return await self.wrap(data_key, aad)

    async def rotate(self) -> str:
        """See `KeyCustody.rotate`. A key that was made and not named, after a crash, is harmless."""
        made = await self._ask(lambda: self._kms.create_key(Description="Socai master key"))
        key = str(made["KeyMetadata"]["KeyId"])
        await self._ask(lambda: self._kms.update_alias(AliasName=self._alias, TargetKeyId=key))
        return key

    async def _ask(
        self, question: Callable[[], Any], known: Mapping[str, type[CustodyError]] = MappingProxyType({})
    ) -> Any:
        try:
            return await asyncio.to_thread(question)
        except BotoCoreError as error:
            raise CustodyUnavailable(f"AWS KMS does not answer: {type(error).__name__}") from None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise known.get(code, CustodyUnavailable)(f"AWS KMS refuses: {code}") from None


def _split(wrapped: bytes) -> tuple[str, bytes]:
    if not 2 < len(wrapped) <= _MOST or wrapped[0] != _KIND or not 0 < wrapped[1] < len(wrapped) - 2:
        raise BadWrappedKey(f"{len(wrapped)} bytes are no wrapped key of AWS KMS")
    key, ciphertext = wrapped[2 : 2 + wrapped[1]], wrapped[2 + wrapped[1] :]
    try:
        return key.decode("ascii"), ciphertext
    except UnicodeDecodeError:
        raise BadWrappedKey("no key id stands in this wrapped key") from None


def _context(aad: bytes) -> dict[str, str]:
    return {"socai": hashlib.sha256(aad).hexdigest()}
