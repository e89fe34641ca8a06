"""`KeyCustody` over a passphrase-protected file, for pilots and single machines.

The file (`ledger.keys.secretfile`) holds::

    master/<n>          64 bytes, AES-256-SIV: wraps data keys; the highest n is current
    hpke/x25519, hpke/mlkem768-x25519
                        encoded private keys: what sellers seal data keys to
    account/custodian   32 bytes, secp256k1: signs custody attestations
    log/ed25519         32 bytes: signs checkpoints of the access log

A wrapped key is 53 bytes: ``0x01 | version (4, big endian) | AES-SIV(data key)``, with the first five bytes
and the caller's `aad` as associated data. SIV is deterministic and needs no nonce: the worst that a restored
snapshot can do is to wrap the same key to the same bytes.

The keys stay in the memory of the process while it runs: that is the price of a local store, and what a KMS
is for. After a rotation by another process, reopen: until then its newly wrapped keys raise
`UnknownKeyVersion` here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ledger.crypto.seal import DATA_KEY, PrivateKey, Suite, SuiteMismatch, check_public_key
from ledger.keys import account, secretfile
from ledger.keys.port import BadWrappedKey, UnknownKeyVersion, UnwrapFailed
from ledger.keys.secretfile import BadSecret, Cost, SecretFileDamaged

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_KIND: Final = b"\x01"
_PREFIX: Final = len(_KIND) + 4
_WRAPPED: Final = _PREFIX + 16 + DATA_KEY
_RECIPIENTS: Final = {Suite.X25519: "hpke/x25519", Suite.MLKEM768_X25519: "hpke/mlkem768-x25519"}
_CUSTODIAN: Final = "account/custodian"
LOG_KEY: Final = "log/ed25519"


class LocalKeyStore:
    """See `KeyCustody`. `repr` names the file and nothing in it; what changes the file asks for the
    passphrase again."""

    def __init__(self, path: Path, secrets: dict[str, bytes]) -> None:
        """For `create` and `open` only."""
        self._path = path
        self._load(secrets)

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost | None = None) -> Self:
        """A new file with fresh keys. Raises `SecretFileExists`, `SecretFileMissing` for the folder,
        `WrongPassphrase` for an empty one. Takes the time and memory of `cost` (by default about 0.1 s, 64
        MiB)."""
        secrets = {
            "master/1": os.urandom(64),
            _CUSTODIAN: account.new_private_key(),
            LOG_KEY: os.urandom(32),
            **{name: PrivateKey.generate(suite).encode() for suite, name in _RECIPIENTS.items()},
        }
        secretfile.write_new(path, passphrase, secrets, cost)
        return cls(path, secrets)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self:
        """Raises `SecretFileMissing`, `UnsafePermissions`, `SecretFileDamaged`, `WrongPassphrase`."""
        return cls(path, secretfile.read(path, passphrase))

    def _load(self, secrets: dict[str, bytes]) -> None:
        masters = {int(name[7:]): value for name, value in secrets.items() if name.startswith("master/")}
        if not masters:
            raise SecretFileDamaged(f"{self._path} holds no master key")
        self._masters = {version: AESSIV(value) for version, value in masters.items()}
        self._current = max(masters)
        self._secrets = {name: value for name, value in secrets.items() if not name.startswith("master/")}

    def __repr__(self) -> str:
        return f"<LocalKeyStore {self._path} version {self._current}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalKeyStore holds keys and is never serialised")

    # Custody -----------------------------------------------------------------------------------------------

    async def current_version(self) -> str:
        """See `KeyCustody.current_version`."""
        return str(self._current)

    def version(self, wrapped: bytes) -> str:
        """See `KeyCustody.version`."""
        return str(self._version(wrapped))

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.wrap`."""
        if len(data_key) != DATA_KEY:
            raise ValueError(f"a data key is {DATA_KEY} bytes, not {len(data_key)}")
        prefix = _KIND + self._current.to_bytes(4, "big")
        return prefix + self._masters[self._current].encrypt(data_key, [prefix, aad])

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.unwrap`."""
        version = self._version(wrapped)
        master = self._masters.get(version)
        if master is None:
            raise UnknownKeyVersion(f"master key version {version} is not in this store")
        try:
            return master.decrypt(wrapped[_PREFIX:], [wrapped[:_PREFIX], aad])
        except InvalidTag:
            raise UnwrapFailed("the wrapped key was altered, or belongs to another deposit") from None

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.rewrap`. The key is checked even when it stays as it is."""
        data_key = await self.unwrap(wrapped, aad)
        return wrapped if self._version(wrapped) == self._current else await self.wrap(data_key, aad)

    def _version(self, wrapped: bytes) -> int:
        if len(wrapped) != _WRAPPED or not wrapped.startswith(_KIND):
            raise BadWrappedKey(f"{len(wrapped)} bytes are no wrapped key of a local key store")
        return int.from_bytes(wrapped[len(_KIND) : _PREFIX], "big")

    # Rotation ----------------------------------------------------------------------------------------------

    def rotate(self, passphrase: str) -> str:
        """Add a master key and make it current; the new version. Older ones still unwrap, until
        `destroy_version`."""

        def add(secrets: dict[str, bytes]) -> None:
            newest = max(int(name[7:]) for name in secrets if name.startswith("master/"))
            secrets[f"master/{newest + 1}"] = os.urandom(64)

        self._load(secretfile.update(self._path, passphrase, add))
        return str(self._current)

    def destroy_version(self, version: str, passphrase: str) -> None:
        """Forget an old master key for good: what is still wrapped under it is erased. Raises `BadSecret`
        for the current."""

        def drop(secrets: dict[str, bytes]) -> None:
            newest = max(int(name[7:]) for name in secrets if name.startswith("master/"))
            if version == str(newest):
                raise BadSecret("the current master key is in use: rotate and re-wrap first")
            if secrets.pop(f"master/{version}", None) is None:
                raise BadSecret(f"there is no master key version {version[:20]}")

        self._load(secretfile.update(self._path, passphrase, drop))

    # Named secrets -----------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The names of the secrets that `secret` gives out; master keys are not among them."""
        return sorted(self._secrets)

    def secret(self, name: str) -> bytes:
        """A named secret. Raises `BadSecret`."""
        try:
            return self._secrets[name]
        except KeyError:
            raise BadSecret(f"there is no secret {name[:80]!r}") from None

    def put_secret(self, name: str, value: bytes, passphrase: str) -> None:
        """Add a named secret; existing ones are never replaced. Raises `BadSecret`."""

        def add(secrets: dict[str, bytes]) -> None:
            if name in secrets or name.startswith("master/"):
                raise BadSecret(f"the name {name[:80]!r} is taken")
            secrets[name] = bytes(value)

        self._load(secretfile.update(self._path, passphrase, add))

    def recipient(self, suite: Suite = Suite.X25519) -> PrivateKey:
        """The vault's HPKE key of a suite: publish its `public`, sellers seal data keys to it."""
        return PrivateKey.decode(self.secret(_RECIPIENTS[suite]))

    def recipient_for(self, public: bytes) -> PrivateKey:
        """The vault's HPKE key behind an encoded public key. Raises `BadKeyEncoding`, `SuiteMismatch`."""
        private = self.recipient(check_public_key(public))
        if private.public != public:
            raise SuiteMismatch("sealed to a key that the vault does not hold")
        return private

    def custodian(self) -> LocalAccount:
        """The account that signs custody attestations."""
        return account.from_private_key(self.secret(_CUSTODIAN))

    def log_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints of the access log."""
        return Ed25519PrivateKey.from_private_bytes(self.secret(LOG_KEY))
