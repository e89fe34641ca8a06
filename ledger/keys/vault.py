"""`KeyCustody` over the Transit engine of HashiCorp Vault, or of OpenBao, its free fork.

The key must be of the type ``aes256-gcm96``. A wrapped key is Transit's own text,
``vault:v<n>:<base64>``; the caller's `aad` goes along as associated data. The token needs ``update`` on
``encrypt`` and ``decrypt``, ``read`` on the key, and for rotation ``update`` on its ``rotate``; nothing
else. Raising ``min_decryption_version`` and trimming the key destroys old versions.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from typing import Any, Final

import hvac
import requests
from hvac.exceptions import InvalidRequest, VaultError

from ledger.crypto.seal import DATA_KEY
from ledger.keys.port import BadWrappedKey, CustodyUnavailable, UnknownKeyVersion, UnwrapFailed

_WRAPPED: Final = re.compile(rb"vault:v([1-9][0-9]{0,8}):[A-Za-z0-9+/]{80}")
_SECONDS: Final = 10


class VaultTransit:
    """See `KeyCustody`. `mount` is where the engine is mounted, `key` the name of the key in it."""

    def __init__(self, url: str, token: str, *, mount: str, key: str) -> None:
        session = requests.Session()
        session.trust_env = False
        self._url = url
        self._at: dict[str, str] = {"name": key, "mount_point": mount}
        client = hvac.Client(url=url, token=token, timeout=_SECONDS, session=session, allow_redirects=False)
        self._transit = client.secrets.transit

    def __repr__(self) -> str:
        return f"<VaultTransit {self._url} {self._at['mount_point']}/{self._at['name']}>"

    async def current_version(self) -> str:
        """See `KeyCustody.current_version`."""
        return str((await self._key())["latest_version"])

    def version(self, wrapped: bytes) -> str:
        """See `KeyCustody.version`."""
        match = _WRAPPED.fullmatch(wrapped)
        if match is None:
            raise BadWrappedKey(f"{len(wrapped)} bytes are no wrapped key of Transit")
        return match[1].decode()

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.wrap`."""
        if len(data_key) != DATA_KEY:
            raise ValueError(f"a data key is {DATA_KEY} bytes, not {len(data_key)}")
        texts = {"plaintext": _text(data_key), "associated_data": _text(aad)}
        answer = await self._ask(lambda: self._transit.encrypt_data(**texts, **self._at))
        return str(answer["ciphertext"]).encode()

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.unwrap`."""
        version = int(self.version(wrapped))

        def decrypt() -> Any:
            try:
                return self._transit.decrypt_data(
                    ciphertext=wrapped.decode(), associated_data=_text(aad), **self._at
                )
            except InvalidRequest:
                return None

        opened = await self._ask(decrypt)
        if "plaintext" in opened:
            return base64.b64decode(opened["plaintext"])
        key = await self._key()
        if not key["min_decryption_version"] <= version <= key["latest_version"]:
            raise UnknownKeyVersion(f"Transit does not open version {version}")
        raise UnwrapFailed("the wrapped key was altered, or belongs to another deposit")

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.rewrap`. Transit's own rewrap takes no associated data, so the data key comes by
        here."""
        data_key = await self.unwrap(wrapped, aad)
        if self.version(wrapped) == await self.current_version():
            return wrapped
        return await self.wrap(data_key, aad)

    async def rotate(self) -> str:
        """See `KeyCustody.rotate`."""
        await self._ask(lambda: self._transit.rotate_key(**self._at))
        return await self.current_version()

    async def _key(self) -> dict[str, Any]:
        return await self._ask(lambda: self._transit.read_key(**self._at))

    async def _ask(self, question: Callable[[], Any]) -> dict[str, Any]:
        try:
            answer = await asyncio.to_thread(question)
            return dict(answer["data"]) if isinstance(answer, dict) else {}
        except (VaultError, requests.RequestException, ValueError, KeyError) as error:
            raise CustodyUnavailable(f"Vault does not answer: {type(error).__name__}") from None


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
