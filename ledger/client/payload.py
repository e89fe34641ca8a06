"""A file on its way into the vault, encrypted as it goes, and back out of it."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.crypto.chunked import Decryptor, Encryptor, ciphertext_size
from ledger.crypto.merkle import PayloadHasher, RootMismatch

PIECE: Final = 4 << 20

Progress = Callable[[int], None]
"""Told how many more bytes have gone by."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sent: RFC 6962 root and size of the ciphertext, SHA-256 of the file."""

    root: bytes
    size: int
    sha256: bytes


class FileChanged(Exception):
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

    async def pieces(self) -> AsyncIterator[bytes]:
        """The ciphertext. Raises FileChanged."""
        with self._path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield await asyncio.to_thread(self._update, piece)
                self._progress(len(piece))
        rest = self._encryptor.finish()
        self._root.update(rest)
        if self._root.size != self.size:
            raise FileChanged(f"{self._path} changed while it was read")
        yield bytes(rest)

    def sealed(self) -> Sealed:
        """Once all pieces are out."""
        return Sealed(self._root.finish(), self.size, self._sha256.digest())

    def _update(self, piece: bytes) -> bytes:
        self._sha256.update(piece)
        out = self._encryptor.update(piece)
        self._root.update(out)
        return bytes(out)


async def decrypt_to(
    path: Path,
    pieces: AsyncIterator[bytes],
    *,
    data_key: bytes,
    context: bytes,
    root: bytes,
    size: int,
    progress: Progress,
) -> bytes:
    """Writes the plaintext to `path` and returns its SHA-256.

    The file appears only when all of it is verified, against the on-chain root too. Raises ChunkedError and
    its kinds, RootMismatch.
    """
    decryptor, hasher, digest = Decryptor(data_key, context, size=size), PayloadHasher(), hashlib.sha256()
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:

            def step(piece: bytes) -> None:
                hasher.update(piece)
                plain = decryptor.update(piece)
                digest.update(plain)
                file.write(plain)

            async for piece in pieces:
                await asyncio.to_thread(step, piece)
                progress(len(piece))
            plain = decryptor.finish()
            digest.update(plain)
            file.write(plain)
            if hasher.finish() != root:
                raise RootMismatch("what arrived is not what was listed")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return digest.digest()
