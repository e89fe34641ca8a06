"""A file on its way into the vault, encrypted as it goes, and back out of it."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ledger.client.errors import ClientError
from ledger.client.service import ServiceUnreachable
from ledger.crypto.chunked import BLOCK, ciphertext_size
from ledger.crypto.merkle import PayloadHasher
from ledger.crypto.stream import Encryptor
from ledger.crypto.verified import VerifiedReader

PIECES: Final = 4
"""Pieces of a block each that are encrypted in one go."""
CUTS: Final = 5
"""How often in a row a download may be cut before anything new arrived."""
PAUSE: Final = 0.5
"""Seconds to wait after a cut, times how many it were in a row."""

Progress = Callable[[int], None]
"""Told how many more bytes have gone by."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sent: RFC 6962 root and size of the ciphertext, SHA-256 of the file."""

    root: bytes
    size: int
    sha256: bytes


class FileChanged(ClientError):
    """The file grew or shrank while it was read."""


class Encryption:
    """Encrypts one file under one data key and context, in constant memory."""

    def __init__(self, path: Path, data_key: bytes, context: bytes, progress: Progress) -> None:
        self._path = path
        self._expected = path.stat().st_size
        self._encryptor = Encryptor(data_key, context)
        self._root = PayloadHasher()
        self._sha256 = hashlib.sha256()
        self._progress = progress
        self.size = ciphertext_size(self._expected)

    async def write(self, to: BinaryIO) -> AsyncIterator[int]:
        """Writes the ciphertext to an unbuffered file; how much of it is there now. Raises FileChanged,
        OSError."""
        plain, sealed = bytearray(BLOCK), bytearray(self._encryptor.room(BLOCK))
        with self._path.open("rb", buffering=0) as file:

            def step() -> int:
                """Encrypts some pieces; how many bytes of the file they were."""
                done = 0
                for _ in range(PIECES):
                    size = file.readinto(plain)
                    self._sha256.update(memoryview(plain)[:size])
                    end = self._encryptor.update_into(memoryview(plain)[:size], sealed)
                    self._keep(to, memoryview(sealed)[:end])
                    done += size
                return done

            while done := await asyncio.to_thread(step):
                self._progress(done)
                yield self._root.size
        await asyncio.to_thread(self._keep, to, memoryview(self._encryptor.finish()))
        if self._root.size != self.size:
            raise FileChanged(f"{self._path} changed while it was read")
        yield self._root.size

    def sealed(self) -> Sealed:
        """Once all pieces are out."""
        return Sealed(self._root.finish(), self.size, self._sha256.digest())

    def _keep(self, to: BinaryIO, sealed: memoryview) -> None:
        self._root.update(sealed)
        while sealed:
            sealed = sealed[to.write(sealed) :]


Read = Callable[[int], AsyncIterator[bytes]]
"""The ciphertext from this byte on."""


async def decrypt_to(path: Path, reader: VerifiedReader, read: Read, *, progress: Progress) -> bytes:
    """Writes the plaintext to `path` and returns its SHA-256. Nothing is decrypted before it is verified.

    The file appears only when all of it is there. After a cut it goes on where it was, until `CUTS` in a row
    brought nothing new. Raises what `reader` raises, ServiceUnreachable.
    """
    digest = hashlib.sha256()
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:

            def step(piece: bytes) -> None:
                for plain in reader.update(piece):
                    digest.update(plain)
                    file.write(plain)

            cuts = 0
            while True:
                before = reader.cut()
                try:
                    async for piece in read(before):
                        await asyncio.to_thread(step, piece)
                        progress(len(piece))
                    break
                except ServiceUnreachable:
                    cuts = cuts + 1 if reader.position == before else 1
                    if cuts == CUTS:
                        raise
                    await asyncio.sleep(PAUSE * cuts)
            reader.finish()
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return digest.digest()
