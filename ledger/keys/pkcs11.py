"""`KeyCustody` over PKCS#11: a hardware security module, or a token in software.

Master keys are AES-256 secret keys on the token with one label, sensitive and never extractable; CKA_ID
is the version, 4 bytes big endian, and the highest is current. Data keys go through CKM_AES_GCM. A
wrapped key is 65 bytes: ``0x02 | version (4) | nonce (12, random) | AES-GCM(data key)``, with the first
five bytes and the caller's `aad` as associated data. Random nonces are safe for 2^32 wraps under one
version (NIST SP 800-38D).

A version is destroyed with the token's own tools.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.mechanisms import GCMParams

from ledger.crypto.seal import DATA_KEY
from ledger.keys.port import BadWrappedKey, CustodyUnavailable, UnknownKeyVersion, UnwrapFailed

T = TypeVar("T")

_KIND: Final = b"\x02"
_PREFIX: Final = len(_KIND) + 4
_NONCE: Final = 12
_WRAPPED: Final = _PREFIX + _NONCE + DATA_KEY + 16

# python-pkcs11 calls C_Initialize without arguments: one thread of a process at a time, whatever the
# session (PKCS#11 v3.1, 5.4), or the library may crash and the process with it.
_USING: Final = threading.Lock()


class Pkcs11Keys:
    """See `KeyCustody`. One session, opened anew when the token forgot it."""

    def __init__(self, module: str, token: str, pin: str, *, label: str) -> None:
        """`module` is the path of the token's library. Asks nothing yet."""
        self._module = module
        self._token = token
        self._pin = pin
        self._label = label
        self._session: Any = None

    def __repr__(self) -> str:
        return f"<Pkcs11Keys {self._token}/{self._label}>"

    async def current_version(self) -> str:
        """See `KeyCustody.current_version`."""
        return str(await self._use(lambda session: max(self._keys(session))))

    def version(self, wrapped: bytes) -> str:
        """See `KeyCustody.version`."""
        return str(_version(wrapped))

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.wrap`."""
        if len(data_key) != DATA_KEY:
            raise ValueError(f"a data key is {DATA_KEY} bytes, not {len(data_key)}")

        def encrypt(session: Any) -> bytes:
            keys = self._keys(session)
            newest = max(keys)
            prefix, nonce = _KIND + newest.to_bytes(4, "big"), os.urandom(_NONCE)
            sealed = keys[newest].encrypt(
                data_key, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, prefix + aad)
            )
            return prefix + nonce + bytes(sealed)

        return await self._use(encrypt)

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.unwrap`."""
        version = _version(wrapped)
        prefix, nonce = wrapped[:_PREFIX], wrapped[_PREFIX : _PREFIX + _NONCE]

        def decrypt(session: Any) -> bytes:
            master = self._keys(session).get(version)
            if master is None:
                raise UnknownKeyVersion(f"master key version {version} is not on the token")
            try:
                opened = master.decrypt(
                    wrapped[_PREFIX + _NONCE :],
                    mechanism=Mechanism.AES_GCM,
                    mechanism_param=GCMParams(nonce, prefix + aad),
                )
            except (pkcs11.EncryptedDataInvalid, pkcs11.FunctionFailed, pkcs11.GeneralError):
                raise UnwrapFailed("the wrapped key was altered, or belongs to another deposit") from None
            return bytes(opened)

        return await self._use(decrypt)

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.rewrap`."""
        data_key = await self.unwrap(wrapped, aad)
        if self.version(wrapped) == await self.current_version():
            return wrapped
        return await self.wrap(data_key, aad)

    async def rotate(self) -> str:
        """See `KeyCustody.rotate`. Makes the first version too."""

        def generate(session: Any) -> int:
            newest = max(self._keys(session, some=False), default=0) + 1
            session.generate_key(
                KeyType.AES,
                256,
                id=newest.to_bytes(4, "big"),
                label=self._label,
                store=True,
                template={
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.ENCRYPT: True,
                    Attribute.DECRYPT: True,
                },
            )
            return newest

        return str(await self._use(generate))

    def _keys(self, session: Any, *, some: bool = True) -> dict[int, Any]:
        found = list(
            session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._label})
        )
        keys = {int.from_bytes(key[Attribute.ID], "big"): key for key in found}
        if some and not keys:
            raise CustodyUnavailable("the token holds no master key: rotate once")
        return keys

    async def _use(self, call: Callable[[Any], T]) -> T:
        def locked() -> T:
            with _USING:
                try:
                    return call(self._session or self._open())
                except (pkcs11.SessionHandleInvalid, pkcs11.SessionClosed, pkcs11.UserNotLoggedIn):
                    return call(self._open())

        try:
            return await asyncio.to_thread(locked)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise CustodyUnavailable(f"the token does not answer: {type(error).__name__}") from None

    def _open(self) -> Any:
        token = pkcs11.lib(self._module).get_token(token_label=self._token)
        try:
            self._session = token.open(rw=True, user_pin=self._pin)
        except pkcs11.UserAlreadyLoggedIn:  # by another session of this process, and so for all of them
            self._session = token.open(rw=True)
        return self._session


def _version(wrapped: bytes) -> int:
    if len(wrapped) != _WRAPPED or not wrapped.startswith(_KIND):
        raise BadWrappedKey(f"{len(wrapped)} bytes are no wrapped key of a PKCS#11 token")
    return int.from_bytes(wrapped[len(_KIND) : _PREFIX], "big")
