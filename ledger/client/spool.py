"""A file on its way into the vault, kept on this machine until its listing is minted.

What is kept is what the vault is to have: the ciphertext, and the data key sealed to the vault. So once it is
encrypted, what was sent is never sent again, also after a kill; nothing is encrypted twice under one key, and
no key is on disk. Killed while it is encrypted, it begins anew, under another key in another deposit.
"""

import asyncio
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from ledger.client.errors import ClientError
from ledger.client.payload import Encryption, Sealed

FORMAT: Final = 1
OLD_SECONDS: Final = 14 * 24 * 3600
"""After which nothing of it is of use: the vault has thrown away what nobody claimed."""


class PublishUnderWay(ClientError):
    """Another program publishes this file of this account now."""


class NoRoom(ClientError):
    """The disk has no room for the ciphertext. Nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Pending:
    """`deposit_id`: 32 bytes; `receipt`: the vault's custody receipt once it has signed one."""

    deposit_id: bytes
    payload: Sealed
    sealed_key: bytes
    receipt: dict[str, Any] | None = None


class Growing:
    """How many bytes of a ciphertext there are."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._grown = asyncio.Event()

    def to(self, size: int) -> None:
        self._size = size
        self._grown.set()

    async def beyond(self, offset: int) -> int:
        """Once there are more than `offset`."""
        while self._size <= offset:
            self._grown.clear()
            await self._grown.wait()
        return self._size


class Spool:
    """Of one account and file: the ciphertext, the id of its deposit while it is written, and then a JSON
    record."""

    def __init__(self, base: Path) -> None:
        self._ciphertext, self._record = base.with_suffix(".ciphertext"), base.with_suffix(".json")
        self._deposit = base.with_suffix(".deposit")

    @classmethod
    @contextmanager
    def of(cls, folder: Path, account: str, path: Path) -> Iterator[Self]:
        """Locked until the block ends, also when the program is killed. Raises PublishUnderWay."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        base = folder / hashlib.sha256(f"{account}\n{path.resolve()}".encode()).hexdigest()[:32]
        with base.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PublishUnderWay(f"{path} is being published by another program") from None
            yield cls(base)

    @classmethod
    def sweep(cls, folder: Path) -> None:
        """Forgets what was left `OLD_SECONDS` ago and is not being sent now."""
        for path in folder.glob("*.ciphertext"):
            with path.with_suffix(".lock").open("w") as lock, suppress(BlockingIOError, FileNotFoundError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.stat().st_mtime < time.time() - OLD_SECONDS:
                    cls(path).clear()

    def pending(self, path: Path) -> Pending | None:
        """What is kept of this file as it is now; None when there is nothing, or of another content."""
        try:
            kept = json.loads(self._record.read_text())
            if self._ciphertext.stat().st_size != kept["size"]:  # cut by a power cut
                return None
        except (FileNotFoundError, ValueError):
            return None
        with path.open("rb") as file:
            if kept["format"] != FORMAT or hashlib.file_digest(file, "sha256").hexdigest() != kept["sha256"]:
                return None
        payload = Sealed(bytes.fromhex(kept["root"]), kept["size"], bytes.fromhex(kept["sha256"]))
        return Pending(
            bytes.fromhex(kept["deposit_id"]), payload, bytes.fromhex(kept["sealed_key"]), kept["receipt"]
        )

    def unfinished(self) -> bytes | None:
        """The deposit whose ciphertext was not written to its end."""
        try:
            return bytes.fromhex(self._deposit.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def begin(self, deposit_id: bytes) -> None:
        """Forgets what there was."""
        self.clear()
        with _private(self._deposit) as file:
            file.write(deposit_id.hex().encode())
        os.close(os.open(self._ciphertext, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    async def encrypt(
        self, encryption: Encryption, deposit_id: bytes, sealed_key: bytes, written: Callable[[int], None]
    ) -> Pending:
        """Into a spool that has begun; `written` is told how many bytes there are.

        Does not wait for the disk: the vault tells a ciphertext that a power cut spoilt by its root. Raises
        FileChanged, NoRoom, OSError.
        """
        try:
            if shutil.disk_usage(self._ciphertext.parent).free < encryption.size:
                raise OSError(errno.ENOSPC, "")
            with self._ciphertext.open("wb", buffering=0) as file:
                async for size in encryption.write(file):
                    written(size)
        except OSError as error:
            self._ciphertext.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            folder = self._ciphertext.parent
            raise NoRoom(f"{folder} has no room for {encryption.size} bytes of ciphertext") from error
        pending = self._keep(Pending(deposit_id, encryption.sealed(), sealed_key))
        self._deposit.unlink()
        return pending

    def received(self, pending: Pending, receipt: dict[str, Any] | None) -> Pending:
        """Keeps the vault's receipt, or forgets one that is of no use any more."""
        return self._keep(replace(pending, receipt=receipt))

    def ciphertext(self) -> BinaryIO:
        return self._ciphertext.open("rb")

    def clear(self) -> None:
        """Forgets all of it."""
        for path in (self._record, self._ciphertext, self._deposit):
            path.unlink(missing_ok=True)

    def _keep(self, pending: Pending) -> Pending:
        staged = self._record.with_suffix(".new")
        record = {
            "format": FORMAT,
            "deposit_id": pending.deposit_id.hex(),
            "root": pending.payload.root.hex(),
            "size": pending.payload.size,
            "sha256": pending.payload.sha256.hex(),
            "sealed_key": pending.sealed_key.hex(),
            "receipt": pending.receipt,
        }
        with _private(staged) as file:
            file.write(json.dumps(record).encode())
        staged.replace(self._record)
        return pending


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A new file of mode 0600, on disk when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
