"""Data keys under the master keys of a secret file.

A wrapped key is 53 bytes: ``0x01 | version (4, big endian) | AES-SIV(data key)``, with the first five bytes
and the caller's `aad` as associated data. SIV is deterministic and needs no nonce: the worst that a restored
snapshot can do is to wrap the same key to the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ledger.crypto.seal import DATA_KEY
from ledger.keys.port import BadWrappedKey, UnknownKeyVersion, UnwrapFailed

MASTER: Final = "master/"
_KIND: Final = b"\x01"
_PREFIX: Final = len(_KIND) + 4
_WRAPPED: Final = _PREFIX + 16 + DATA_KEY


def current(secrets: Mapping[str, bytes]) -> int:
    """The highest version of a master key, 0 when there is none."""
    return max((int(name[len(MASTER) :]) for name in secrets if name.startswith(MASTER)), default=0)


def version(wrapped: bytes) -> int:
    """Raises `BadWrappedKey`."""
    if len(wrapped) != _WRAPPED or not wrapped.startswith(_KIND):
        raise BadWrappedKey(f"{len(wrapped)} bytes are no wrapped key of a local key store")
    return int.from_bytes(wrapped[len(_KIND) : _PREFIX], "big")


def wrap(secrets: Mapping[str, bytes], data_key: bytes, aad: bytes) -> bytes:
    """`data_key` under the current master key."""
    newest = current(secrets)
    prefix = _KIND + newest.to_bytes(4, "big")
    return prefix + AESSIV(secrets[f"{MASTER}{newest}"]).encrypt(data_key, [prefix, aad])


def unwrap(secrets: Mapping[str, bytes], wrapped: bytes, aad: bytes) -> bytes:
    """Raises `BadWrappedKey`, `UnknownKeyVersion`, `UnwrapFailed`."""
    under = version(wrapped)
    master = secrets.get(f"{MASTER}{under}")
    if master is None:
        raise UnknownKeyVersion(f"master key version {under} is not in this store")
    try:
        return AESSIV(master).decrypt(wrapped[_PREFIX:], [wrapped[:_PREFIX], aad])
    except InvalidTag:
        raise UnwrapFailed("the wrapped key was altered, or belongs to another deposit") from None


def rewrap(secrets: Mapping[str, bytes], wrapped: bytes, aad: bytes) -> bytes:
    """Under the current master key; `wrapped` itself, checked, when it is there already."""
    data_key = unwrap(secrets, wrapped, aad)
    return wrapped if version(wrapped) == current(secrets) else wrap(secrets, data_key, aad)
