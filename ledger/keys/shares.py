"""What makes a payload's key forgettable although the database is backed up.

A data key is split in two before it is wrapped: ``data key = share xor other half``. The share is 32
random bytes, drawn for one deposit; the other half is what custody wraps and the database keeps, backups
included. Either half alone says nothing about the key (it is a one-time pad). Destroying the share
therefore erases the payload everywhere: in every backup of the database, of the objects and of the
custodian, old and new.

Why not the other ways: a master key per payload is more than an HSM holds and a KMS gives away; a
rotation that leaves the erased payload behind would make every backup of before useless for all others
too; a list of what is erased, applied after a restore, binds only who means well.

So shares must not be backed up, or the backup remembers. They are kept in several places at once instead
(`SOCAI_SHARES`: folders on different disks or machines), which forget when they are told to. What
copy-on-write file systems and flash memory keep beneath a file is out of reach from here: encrypt those
disks, or keep shares on none. What is left there is still only one half.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ledger.crypto.seal import DATA_KEY, DepositContext
from ledger.keys.port import CustodyError, CustodyUnavailable, KeyCustody, new_data_key, wrap_aad

T = TypeVar("T")

_LABEL: Final = b"socai/share@v1\0"


class KeyErased(CustodyError):
    """The share of this deposit was destroyed: its payload is erased, for good."""


class KeyShares(Protocol):
    """One 32-byte share for each deposit (32 bytes). All raise `CustodyUnavailable`."""

    async def make(self, deposit: bytes) -> bytes:
        """The deposit's share, drawn when there is none, and durable in every place. Raises `KeyErased`."""
        ...

    async def find(self, deposit: bytes) -> bytes:
        """Raises `KeyErased`; `CustodyUnavailable` also when no place has it."""
        ...

    async def destroy(self, deposit: bytes) -> None:
        """Returns once no place has it any more; again is no error."""
        ...


class DataKeys:
    """Data keys in custody, each with its share."""

    def __init__(self, custody: KeyCustody, shares: KeyShares) -> None:
        self.custody = custody
        self._shares = shares

    async def hold(self, data_key: bytes, deposit: DepositContext) -> bytes:
        """The wrapped key, to be kept. Raises `KeyErased`, `CustodyUnavailable`."""
        share = await self._shares.make(deposit.deposit_id)
        return await self.custody.wrap(_xor(data_key, share), wrap_aad(deposit))

    async def open(self, wrapped: bytes, deposit: DepositContext) -> bytes:
        """The data key. Raises `KeyErased`, and as `KeyCustody.unwrap`."""
        share = await self._shares.find(deposit.deposit_id)
        return _xor(await self.custody.unwrap(wrapped, wrap_aad(deposit)), share)

    async def erase(self, deposit_id: bytes) -> None:
        """Nobody opens the deposit's payload any more; again is no error. Raises `CustodyUnavailable`."""
        await self._shares.destroy(deposit_id)


class FolderShares:
    """See `KeyShares`. Each place is a folder with a file for each share, of mode 0600, and one that says
    that it was destroyed.

    A share is made in every place before it is used, is read from any, and destroyed in all: first every
    place is told that it is, then it is overwritten and removed. Any one place that knows is believed.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        if not places:
            raise ValueError("shares need a place")
        self._places = tuple(places)

    def __repr__(self) -> str:
        return f"<FolderShares {', '.join(map(str, self._places))}>"

    async def make(self, deposit: bytes) -> bytes:
        """See `KeyShares.make`."""
        return await _in_thread(lambda: self._make(deposit))

    async def find(self, deposit: bytes) -> bytes:
        """See `KeyShares.find`."""
        return await _in_thread(lambda: self._find(deposit))

    async def destroy(self, deposit: bytes) -> None:
        """See `KeyShares.destroy`."""
        await _in_thread(lambda: self._destroy(deposit))

    def _make(self, deposit: bytes) -> bytes:
        share = new_data_key(_LABEL + deposit)
        for place in self._places:  # the first decides between two that make one at once
            share = _keep(place, deposit, share)
        self._check(deposit)
        return share

    def _find(self, deposit: bytes) -> bytes:
        self._check(deposit)
        for place in self._places:
            with contextlib.suppress(OSError):
                return _read(place, deposit)
        raise CustodyUnavailable("no place has the share of this deposit")

    def _destroy(self, deposit: bytes) -> None:
        for place in self._places:
            _mark(place, deposit)
        for place in self._places:
            _remove(place, deposit)

    def _check(self, deposit: bytes) -> None:
        if any(_erased(place, deposit).exists() for place in self._places):
            raise KeyErased("the payload was erased")


def _path(place: Path, deposit: bytes) -> Path:
    return place / deposit.hex()[:2] / deposit.hex()


def _erased(place: Path, deposit: bytes) -> Path:
    return _path(place, deposit).with_suffix(".erased")


def _tag(deposit: bytes, share: bytes) -> bytes:
    """Tells a damaged share; nothing about a good one, which is random."""
    return hashlib.sha256(_LABEL + deposit + share).digest()


def _keep(place: Path, deposit: bytes, share: bytes) -> bytes:
    """Keeps `share`, unless there is one already; the one that is there now."""
    path = _path(place, deposit)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(f".{secrets.token_hex(8)}")
    _write(staged, share + _tag(deposit, share))
    try:
        os.link(staged, path)
    except FileExistsError:
        pass
    finally:
        staged.unlink()
    _sync(path.parent)
    return _read(place, deposit)


def _read(place: Path, deposit: bytes) -> bytes:
    """Raises OSError, also for a damaged one."""
    content = _path(place, deposit).read_bytes()
    share, tag = content[:DATA_KEY], content[DATA_KEY:]
    if not hmac.compare_digest(tag, _tag(deposit, share)):
        raise OSError("a damaged share")
    return share


def _mark(place: Path, deposit: bytes) -> None:
    path = _erased(place, deposit)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write(path, b"")
        _sync(path.parent)


def _remove(place: Path, deposit: bytes) -> None:
    path = _path(place, deposit)
    with contextlib.suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(bytes(2 * DATA_KEY))
            os.fsync(file.fileno())
        path.unlink()
        _sync(path.parent)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _in_thread(call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except OSError as error:
        raise CustodyUnavailable(f"a place of shares does not answer: {type(error).__name__}") from None


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
