"""A file on its way into the vault, kept on this machine until its listing is minted.

What is kept is what the vault is to have: the ciphertext, and the data key sealed to the vault. So what was
sent is never sent again, also after a kill, nothing is encrypted twice under one key, and no key is on disk.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from ledger.client.errors import ClientError
from ledger.client.payload import Encryption, Sealed

FORMAT: Final = 1


class PublishUnderWay(ClientError):
    """Another program publishes this file of this account now."""


@dataclass(frozen=True, slots=True)
class Pending:
    """`deposit_id`: 32 bytes; `receipt`: the vault's custody receipt once it has signed one."""

    deposit_id: bytes
    payload: Sealed
    sealed_key: bytes
    receipt: dict[str, Any] | None = None


class Spool:
    """Of one account and file: a JSON record, written last, and the ciphertext beside it."""

    def __init__(self, base: Path) -> None:
        self._ciphertext, self._record = base.with_suffix(".ciphertext"), base.with_suffix(".json")

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

    def pending(self, path: Path) -> Pending | None:
        """What is kept of this file as it is now; None when there is nothing, or of another content."""
        try:
            kept = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return None
        with path.open("rb") as file:
            if kept["format"] != FORMAT or hashlib.file_digest(file, "sha256").hexdigest() != kept["sha256"]:
                return None
        payload = Sealed(bytes.fromhex(kept["root"]), kept["size"], bytes.fromhex(kept["sha256"]))
        return Pending(
            bytes.fromhex(kept["deposit_id"]), payload, bytes.fromhex(kept["sealed_key"]), kept["receipt"]
        )

    async def encrypt(self, encryption: Encryption, deposit_id: bytes, sealed_key: bytes) -> Pending:
        """Raises FileChanged, OSError."""
        self.clear()
        with _private(self._ciphertext) as file:
            async for piece in encryption.pieces():
                file.write(piece)
        return self._keep(Pending(deposit_id, encryption.sealed(), sealed_key))

    def received(self, pending: Pending, receipt: dict[str, Any] | None) -> Pending:
        """Keeps the vault's receipt, or forgets one that is of no use any more."""
        return self._keep(replace(pending, receipt=receipt))

    def ciphertext(self) -> BinaryIO:
        return self._ciphertext.open("rb")

    def clear(self) -> None:
        """Forgets all of it."""
        self._record.unlink(missing_ok=True)
        self._ciphertext.unlink(missing_ok=True)

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
