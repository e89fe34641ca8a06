"""Sealing a 32-byte data key to one recipient: HPKE single shot (RFC 9180, base mode), AES-256-GCM.

Two suites: DHKEM(X25519), and the post-quantum hybrid MLKEM768-X25519 (X-Wing, draft-ietf-hpke-pq) where
both sides have it. Everything encoded here starts with the three registry numbers of its suite, so that it
says itself what it is::

    public key    kem | kdf | aead (2 bytes each, big endian) | public key        38 or 1222 bytes
    private key   kem | kdf | aead                            | 32-byte secret    38 bytes
    sealed key    kem | kdf | aead                            | enc | ciphertext  86 or 1174 bytes

What a key is sealed *for* goes into HPKE's ``info``: a `GrantContext` or a `DepositContext`, in fixed-width
fields behind a label. The receiver builds it from what it knows, never from the message, and any difference
fails the opening.
"""

from __future__ import annotations

import enum
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ledger.crypto.chunked import payload_context

if TYPE_CHECKING:
    from cryptography.utils import Buffer

DATA_KEY: Final = 32
_SECRET: Final = 32
_MLKEM768_PUBLIC: Final = 1184
_TAG: Final = 16

_Public: TypeAlias = "X25519PublicKey | hpke.MLKEM768X25519PublicKey"
_Private: TypeAlias = "X25519PrivateKey | hpke.MLKEM768X25519PrivateKey"


class SealError(Exception):
    """Any refusal of this module."""


class BadKeyEncoding(SealError):
    """These bytes are no key of a suite that we know."""


class BadSealedKey(SealError):
    """These bytes are no sealed key of a suite that we know, or have the wrong length."""


class SuiteMismatch(SealError):
    """The key was sealed under another suite than that of the private key."""


class OpenFailed(SealError):
    """Sealed to another recipient, or for another context, or altered: HPKE does not say which."""


class Suite(enum.Enum):
    """An HPKE suite; the value is what stands in front of everything encoded: kem | kdf | aead (RFC 9180,
    section 7)."""

    X25519 = bytes.fromhex("002000010002")
    MLKEM768_X25519 = bytes.fromhex("647a00010002")

    @property
    def public_size(self) -> int:
        """Bytes of a raw public key."""
        return 32 if self is Suite.X25519 else _MLKEM768_PUBLIC + 32

    @property
    def sealed_size(self) -> int:
        """Bytes of a sealed data key with its prefix."""
        return len(self.value) + self._kem.enc_length() + DATA_KEY + _TAG

    @property
    def _kem(self) -> hpke.KEM:
        return hpke.KEM.X25519 if self is Suite.X25519 else hpke.KEM.MLKEM768_X25519

    @property
    def _hpke(self) -> hpke.Suite:
        return hpke.Suite(self._kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)

    @classmethod
    def _read(cls, encoded: bytes, error: type[SealError]) -> tuple[Suite, bytes]:
        for suite in cls:
            if encoded.startswith(suite.value):
                return suite, encoded[len(suite.value) :]
        raise error("no suite that we know starts like this")


class Context(Protocol):
    """What a data key is sealed for."""

    def info(self) -> bytes:
        """The HPKE ``info``: injective, and different from that of any other kind of context."""
        ...


@dataclass(frozen=True, slots=True)
class GrantContext:
    """The release of a data key to a licence holder: of one licence and version, decided at one block, for
    one purpose.

    Addresses are 20 bytes, the block hash 32; ids and version are uint256; `purpose` is 1 to 255 bytes of
    UTF-8.
    """

    chain_id: int
    licences_address: bytes
    licence_id: int
    listing_version: int
    block_hash: bytes
    purpose: str

    def __post_init__(self) -> None:
        _check_uints(chain_id=self.chain_id, licence_id=self.licence_id, listing_version=self.listing_version)
        if len(self.licences_address) != 20 or len(self.block_hash) != 32:
            raise ValueError("an address is 20 bytes, a block hash 32")
        if not 1 <= len(self.purpose.encode()) <= 255:
            raise ValueError("a purpose is 1 to 255 bytes")

    def info(self) -> bytes:
        """Label, chain id (32), Licences (20), licence id (32), version (32), block hash (32), purpose (1 +
        n)."""
        purpose = self.purpose.encode()
        return b"".join(
            (
                b"socai/grant@v1\0",
                self.chain_id.to_bytes(32, "big"),
                self.licences_address,
                self.licence_id.to_bytes(32, "big"),
                self.listing_version.to_bytes(32, "big"),
                self.block_hash,
                bytes([len(purpose)]),
                purpose,
            )
        )


@dataclass(frozen=True, slots=True)
class DepositContext:
    """The deposit of a payload: what its seller seals the data key for, and what the payload itself is bound
    to."""

    chain_id: int
    listings_address: bytes
    seller: bytes
    deposit_id: bytes

    def __post_init__(self) -> None:
        self.payload_context()

    def payload_context(self) -> bytes:
        """The ``context`` of the payload's encryption (`ledger.crypto.chunked`)."""
        return payload_context(self.chain_id, self.listings_address, self.seller, self.deposit_id)

    def info(self) -> bytes:
        """Label and `payload_context` (104 bytes)."""
        return b"socai/deposit@v1\0" + self.payload_context()


class PrivateKey:
    """A recipient's private key: 32 secret bytes of one suite (X25519, or the X-Wing seed). `repr` shows the
    public side.

    Sealed keys stand at rest in `ledger.keys`; this class never writes itself anywhere.
    """

    __slots__ = ("_private", "_secret", "public", "suite")

    suite: Suite
    public: bytes
    """The encoded public key, to be published."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        if len(secret) != _SECRET:
            raise BadKeyEncoding(f"a private key is {_SECRET} bytes, not {len(secret)}")
        self.suite = suite
        self._secret = bytes(secret)
        x25519, mlkem = self._secret, None
        if suite is Suite.MLKEM768_X25519:
            expanded = hashlib.shake_256(self._secret).digest(96)  # X-Wing: d | z | X25519 key
            mlkem, x25519 = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), expanded[64:]
        classic = X25519PrivateKey.from_private_bytes(x25519)
        self._private: _Private = classic if mlkem is None else hpke.MLKEM768X25519PrivateKey(mlkem, classic)
        quantum = b"" if mlkem is None else mlkem.public_key().public_bytes_raw()
        self.public = suite.value + quantum + classic.public_key().public_bytes_raw()

    @classmethod
    def generate(cls, suite: Suite = Suite.X25519) -> PrivateKey:
        """A fresh key from the operating system's randomness."""
        return cls(suite, os.urandom(_SECRET))

    @classmethod
    def decode(cls, encoded: bytes) -> PrivateKey:
        """The key that `encode` wrote. Raises `BadKeyEncoding`."""
        return cls(*Suite._read(bytes(encoded), BadKeyEncoding))

    def encode(self) -> bytes:
        """38 secret bytes, for a key store only."""
        return self.suite.value + self._secret

    def __repr__(self) -> str:
        return f"<PrivateKey {self.suite.name} {fingerprint(self.public)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PrivateKey is never serialised by accident: see encode")


def fingerprint(public: bytes) -> str:
    """A short name of an encoded public key: the first 8 bytes of its SHA-256, hex."""
    return hashlib.sha256(public).hexdigest()[:16]


def check_public_key(public: bytes) -> Suite:
    """The suite of an encoded public key; raises `BadKeyEncoding` unless keys can be sealed to it."""
    suite, key = _public_key(public)
    try:
        suite._hpke.encrypt(b"", key)
    except ValueError:
        raise BadKeyEncoding("nothing can be sealed to this public key") from None
    return suite


def seal(data_key: Buffer, recipient: bytes, context: Context) -> bytes:
    """Seal a 32-byte data key to an encoded public key, for `context`. Raises `BadKeyEncoding`."""
    key = bytes(data_key)
    if len(key) != DATA_KEY:
        raise ValueError(f"a data key is {DATA_KEY} bytes, not {len(key)}")
    suite, public = _public_key(recipient)
    try:
        return suite.value + suite._hpke.encrypt(key, public, info=context.info())
    except ValueError:  # X25519 with a point of small order
        raise BadKeyEncoding("nothing can be sealed to this public key") from None


def open_sealed(sealed: bytes, private: PrivateKey, context: Context) -> bytes:
    """The data key (32 bytes). Raises `BadSealedKey`, `SuiteMismatch`, `OpenFailed`."""
    suite, body = Suite._read(bytes(sealed), BadSealedKey)
    if len(sealed) != suite.sealed_size:
        raise BadSealedKey(f"a {suite.name} sealed key is {suite.sealed_size} bytes, not {len(sealed)}")
    if suite is not private.suite:
        raise SuiteMismatch(f"sealed under {suite.name}, the private key is {private.suite.name}")
    try:
        return suite._hpke.decrypt(body, private._private, info=context.info())
    except (InvalidTag, ValueError):
        raise OpenFailed("sealed to another key or for another context, or altered") from None


def _public_key(encoded: bytes) -> tuple[Suite, _Public]:
    suite, raw = Suite._read(bytes(encoded), BadKeyEncoding)
    if len(raw) != suite.public_size:
        raise BadKeyEncoding(f"a {suite.name} public key is {suite.public_size} bytes, not {len(raw)}")
    classic = X25519PublicKey.from_public_bytes(raw[-32:])
    if suite is Suite.X25519:
        return suite, classic
    try:
        quantum = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM768_PUBLIC])
    except ValueError:  # a coefficient that is not reduced (FIPS 203, 7.2)
        raise BadKeyEncoding("not an ML-KEM-768 public key") from None
    return suite, hpke.MLKEM768X25519PublicKey(quantum, classic)


def _check_uints(**fields: int) -> None:
    for name, value in fields.items():
        if not 0 <= value < 2**256:
            raise ValueError(f"{name} must be a uint256")
