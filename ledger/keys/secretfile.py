"""A file of named secrets under a passphrase.

JSON: the Argon2id cost (RFC 9106), a salt, a check value and the sealed secrets. Argon2id yields 96 bytes:
64 for AES-256-SIV (RFC 5297), which takes the header as associated data and needs no nonce, so that a
machine restored from a snapshot repeats nothing harmful; and 32 whose hash is the check value, so that a
wrong passphrase is told from a damaged file. (An attacker learns no more from it than from trying to unseal.)

Every write is atomic (new file, fsync, rename, fsync of the folder), of mode 0600, under a fresh salt, and
holds a lock, so that two writers lose nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets as randomness
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_FORMAT: Final = "socai-secrets"
_VERSION: Final = 1
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*){0,3}")
_MOST_BYTES: Final = 1 << 20


class SecretFileError(Exception):
    """Any refusal of a secret file. No message holds a secret."""


class SecretFileMissing(SecretFileError):
    """There is no such file."""


class SecretFileExists(SecretFileError):
    """There is a file already; it is never replaced by a new one."""


class SecretFileDamaged(SecretFileError):
    """The file is no secret file, or was altered or cut."""


class UnsafePermissions(SecretFileError):
    """Others than the owner can reach the file."""


class WrongPassphrase(SecretFileError):
    """The passphrase does not open this file."""


class BadSecret(SecretFileError):
    """No such secret, or a name or value that cannot be one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2id: memory in KiB, passes, lanes. The default is the second choice of RFC 9106, section 4 (64
    MiB)."""

    memory_kib: int = 65536
    iterations: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        numbers = (self.memory_kib, self.iterations, self.lanes)
        if not all(type(number) is int for number in numbers) or not (
            1 <= self.lanes <= 64
            and 8 * self.lanes <= self.memory_kib <= 4 << 20
            and 1 <= self.iterations <= 100
        ):
            raise ValueError("Argon2id takes 8 KiB per lane to 4 GiB, 1 to 100 passes, 1 to 64 lanes")


def write_new(path: Path, passphrase: str, secrets: Mapping[str, bytes], cost: Cost | None = None) -> None:
    """Make the file. Raises `SecretFileExists`, `BadSecret`."""
    with _locked(path):
        if path.exists():
            raise SecretFileExists(f"{path} exists")
        _write(path, _seal(passphrase, secrets, cost or Cost()))


def read(path: Path, passphrase: str) -> dict[str, bytes]:
    """All secrets of the file. Raises as `Opener`."""
    return Opener(path, passphrase).secrets()


class Opener:
    """Opens one file again and again. Keeps the derived key, which is dear, and no secret.

    Raises `SecretFileMissing`, `UnsafePermissions`, `SecretFileDamaged`, `WrongPassphrase`.
    """

    def __init__(self, path: Path, passphrase: str) -> None:
        self.path = path
        self.passphrase = passphrase
        self._derived: tuple[tuple[Cost, bytes], tuple[bytes, str]] | None = None

    def prepare(self) -> None:
        """Derives the key of the file as it is now, when it is not the one kept."""
        self._key(_parse(self.path))

    def secrets(self) -> dict[str, bytes]:
        file = _parse(self.path)
        try:
            body = AESSIV(self._key(file)).decrypt(file.sealed, [_canonical(file.header)])
        except (InvalidTag, ValueError):
            raise SecretFileDamaged(f"{self.path} was altered or cut") from None
        return {name: bytes.fromhex(value) for name, value in json.loads(body).items()}

    def _key(self, file: _File) -> bytes:
        made_with = (file.cost, file.salt)
        if self._derived is None or self._derived[0] != made_with:
            self._derived = made_with, _derive(self.passphrase, file.cost, file.salt)
        key, check = self._derived[1]
        if not hmac.compare_digest(file.check.encode(), check.encode()):
            raise WrongPassphrase(f"this passphrase does not open {self.path}")
        return key


def update(path: Path, passphrase: str, change: Callable[[dict[str, bytes]], None]) -> dict[str, bytes]:
    """Read, `change` in place and write, under the lock; the new secrets. Raises as `read`, and
    `BadSecret`."""
    with _locked(path):
        secrets = read(path, passphrase)
        change(secrets)
        _write(path, _seal(passphrase, secrets, _parse(path).cost))
        return secrets


def change_passphrase(path: Path, old: str, new: str, cost: Cost | None = None) -> None:
    """Seal the same secrets under a new passphrase (and cost). Raises as `read`, and `BadSecret`."""
    with _locked(path):
        secrets = read(path, old)
        _write(path, _seal(new, secrets, cost or _parse(path).cost))


def normal(passphrase: str) -> bytes:
    """A passphrase as it is used, NFC: keyboards differ in how they write ở."""
    return unicodedata.normalize("NFC", passphrase).encode()


def _seal(passphrase: str, secrets: Mapping[str, bytes], cost: Cost) -> bytes:
    for name in secrets:
        if not _NAME.fullmatch(name):
            raise BadSecret(f"{name[:80]!r} is no name for a secret")
    salt = os.urandom(16)
    key, check = _derive(passphrase, cost, salt)
    header = {"format": _FORMAT, "version": _VERSION, "kdf": "argon2id", **asdict(cost)}
    header |= {"salt": salt.hex(), "check": check}
    body = json.dumps({name: value.hex() for name, value in secrets.items()}, sort_keys=True).encode()
    sealed = AESSIV(key).encrypt(body, [_canonical(header)])
    return json.dumps({**header, "sealed": sealed.hex()}, indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class _File:
    header: dict[str, Any]
    cost: Cost
    salt: bytes
    check: str
    sealed: bytes


def _parse(path: Path) -> _File:
    raw = _read_private(path)
    try:
        header: dict[str, Any] = json.loads(raw)
        sealed, salt = bytes.fromhex(header.pop("sealed")), bytes.fromhex(header["salt"])
        cost = Cost(header["memory_kib"], header["iterations"], header["lanes"])
        check = str(header["check"])
        known = (header["format"], header["version"], header["kdf"]) == (_FORMAT, _VERSION, "argon2id")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SecretFileDamaged(f"{path} is not a secret file, or damaged") from None
    if not known or len(salt) != 16:
        raise SecretFileDamaged(f"{path} is not a secret file of version {_VERSION}")
    return _File(header, cost, salt, check, sealed)


def _derive(passphrase: str, cost: Cost, salt: bytes) -> tuple[bytes, str]:
    """The AES-SIV key (64 bytes) and the check value."""
    if not passphrase:
        raise WrongPassphrase("the passphrase is empty")
    okm = hash_secret_raw(
        normal(passphrase),
        salt,
        time_cost=cost.iterations,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=96,
        type=Type.ID,
    )
    return okm[:64], hashlib.sha256(okm[64:]).hexdigest()


def _canonical(header: Mapping[str, object]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UnsafePermissions(f"{path} has mode {stat.S_IMODE(mode):04o}: chmod 600 it")
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise SecretFileMissing(f"there is no {path}") from None


def _write(path: Path, content: bytes) -> None:
    staged = path.with_name(f".{path.name}.{randomness.token_hex(8)}")
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, between processes; the lock dies with its holder."""
    try:
        handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        raise SecretFileMissing(f"there is no folder {path.parent}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
