"""`KeyCustody` over a passphrase-protected file, for pilots and single machines.

The file (`ledger.keys.secretfile`) holds::

    master/<n>          64 bytes, AES-256-SIV: wraps data keys (`ledger.keys.wrapping`); the highest n is
                        current
    hpke/x25519, hpke/mlkem768-x25519
                        encoded private keys: what sellers seal data keys to
    account/custodian   32 bytes, secp256k1: signs custody attestations
    log/ed25519         32 bytes: signs checkpoints of the access log

Master keys never enter this process: `ledger.keys.agent` uses them, for one call each. The named secrets do,
and stay. A rotation by another process is seen at the next call.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.crypto.seal import DATA_KEY, PrivateKey, Suite, SuiteMismatch, check_public_key
from ledger.keys import account, secretfile, wrapping
from ledger.keys.port import (
    BadWrappedKey,
    CustodyUnavailable,
    UnknownKeyVersion,
    UnwrapFailed,
)
from ledger.keys.secretfile import (
    BadSecret,
    Cost,
    SecretFileDamaged,
    SecretFileMissing,
    UnsafePermissions,
    WrongPassphrase,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_RECIPIENTS: Final = {Suite.X25519: "hpke/x25519", Suite.MLKEM768_X25519: "hpke/mlkem768-x25519"}
_CUSTODIAN: Final = "account/custodian"
LOG_KEY: Final = "log/ed25519"
_ERRORS: Final[dict[str, type[Exception]]] = {
    error.__name__: error
    for error in (
        BadWrappedKey,
        UnknownKeyVersion,
        UnwrapFailed,
        BadSecret,
        SecretFileDamaged,
        SecretFileMissing,
        UnsafePermissions,
        WrongPassphrase,
    )
}


class LocalKeyStore:
    """See `KeyCustody`. `repr` names the file and nothing in it; what cannot be undone asks for the
    passphrase again."""

    def __init__(self, path: Path, passphrase: str) -> None:
        """For `create` and `open` only."""
        self._path = path
        self._agent = _Agent(path, passphrase)
        self._secrets = {name: bytes.fromhex(value) for name, value in self._agent.ask("open").items()}

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost | None = None) -> Self:
        """A new file with fresh keys. Raises `SecretFileExists`, `SecretFileMissing` for the folder,
        `WrongPassphrase` for an empty one. Takes the time and memory of `cost` (by default about 0.1 s, 64
        MiB)."""
        secrets = {
            f"{wrapping.MASTER}1": os.urandom(64),
            _CUSTODIAN: account.new_private_key(),
            LOG_KEY: os.urandom(32),
            **{name: PrivateKey.generate(suite).encode() for suite, name in _RECIPIENTS.items()},
        }
        secretfile.write_new(path, passphrase, secrets, cost)
        return cls(path, passphrase)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self:
        """Raises `SecretFileMissing`, `UnsafePermissions`, `SecretFileDamaged`, `WrongPassphrase`."""
        return cls(path, passphrase)

    def __repr__(self) -> str:
        return f"<LocalKeyStore {self._path}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalKeyStore holds keys and is never serialised")

    # Custody -----------------------------------------------------------------------------------------------

    async def current_version(self) -> str:
        """See `KeyCustody.current_version`."""
        return str(await asyncio.to_thread(self._agent.ask, "current"))

    def version(self, wrapped: bytes) -> str:
        """See `KeyCustody.version`."""
        return str(wrapping.version(wrapped))

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.wrap`."""
        if len(data_key) != DATA_KEY:
            raise ValueError(f"a data key is {DATA_KEY} bytes, not {len(data_key)}")
        return await self._ask("wrap", data_key, aad)

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.unwrap`."""
        return await self._ask("unwrap", wrapped, aad)

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """See `KeyCustody.rewrap`. The key is checked even when it stays as it is."""
        return await self._ask("rewrap", wrapped, aad)

    async def rotate(self) -> str:
        """See `KeyCustody.rotate`."""
        return str(await asyncio.to_thread(self._agent.ask, "rotate"))

    def destroy_version(self, version: str, passphrase: str) -> None:
        """Forget an old master key for good: what is still wrapped under it is erased. Raises `BadSecret`
        for the current, `WrongPassphrase`."""
        self._agent.ask("destroy", version=version, passphrase=passphrase)

    async def _ask(self, operation: str, key: bytes, aad: bytes) -> bytes:
        asked = {"key": key.hex(), "aad": aad.hex()}
        return bytes.fromhex(await asyncio.to_thread(self._agent.ask, operation, **asked))

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
        """Add a named secret; existing ones are never replaced. Raises `BadSecret`, `WrongPassphrase`."""
        self._agent.ask("put", name=name, value=value.hex(), passphrase=passphrase)
        self._secrets[name] = value

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


class _Agent:
    """A running `ledger.keys.agent`: one question at a time, from any thread. It ends with this object."""

    def __init__(self, path: Path, passphrase: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ledger.keys.agent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("SOCAI_")},
            start_new_session=True,  # Ctrl-C is for the service, which needs the agent while it stops
        )
        self._asking = threading.Lock()
        self._end = weakref.finalize(self, _end, self._process)
        self._send({"path": str(path.absolute()), "passphrase": passphrase})

    def ask(self, operation: str, **asked: str) -> Any:
        """Raises what the agent raised, and `CustodyUnavailable`."""
        with self._asking:
            try:
                self._send({"do": operation, **asked})
                assert self._process.stdout is not None  # noqa: S101
                answer = json.loads(self._process.stdout.readline())
            except (OSError, ValueError):
                raise CustodyUnavailable("the key agent has ended: restart the service") from None
        if "error" in answer:
            raise _ERRORS.get(answer["error"], CustodyUnavailable)(answer["message"])
        return answer["answer"]

    def _send(self, message: dict[str, str]) -> None:
        assert self._process.stdin is not None  # noqa: S101
        os.write(self._process.stdin.fileno(), json.dumps(message).encode() + b"\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.__exit__(None, None, None)  # closes the pipes, at which it ends, and waits for it
