"""Whole messages of `ledger.crypto.chunked`, from the first byte to the last, in constant memory.

`cryptography.cobblestone` does the work, a piece at a time without the interpreter's lock, so that streams in
several threads run at once. Pieces of about a block are best. What it refuses is looked at again by
`ledger.crypto.message`, which says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from ledger.crypto.chunked import (
    CHUNK,
    HEADER,
    SEALED_CHUNK,
    TAG,
    ChunkedError,
    Extended,
    Truncated,
    plaintext_size,
)
from ledger.crypto.message import Message, key_of

if TYPE_CHECKING:
    from cryptography.utils import Buffer


class Encryptor:
    """`update` any pieces, then `finish` once. The header, under a fresh salt, comes first."""

    def __init__(self, data_key: Buffer, context: bytes) -> None:
        self._stream = Cobblestone256Encryptor(key_of(data_key), context)
        self._head, self._held = HEADER, 0
        self._closed = False

    def room(self, size: int) -> int:
        """Bytes that `update_into` will write for a piece of `size` bytes."""
        return self._head + (self._held + size) // CHUNK * SEALED_CHUNK

    def update_into(self, data: Buffer, out: Buffer) -> int:
        """Encrypt a piece into `out` (at least `room(len(data))` bytes); the bytes written."""
        if self._closed:
            raise ValueError("the stream is finished")
        written = self._stream.update_into(data, out)
        self._head, self._held = 0, (self._held + memoryview(data).nbytes) % CHUNK
        return written

    def update(self, data: Buffer) -> bytearray:
        """The ciphertext that is complete after this piece (perhaps none)."""
        out = bytearray(self.room(memoryview(data).nbytes))
        self.update_into(data, out)
        return out

    def finish(self) -> bytearray:
        """The rest: the last, short chunk."""
        head = self.update(b"")
        self._closed = True
        return head + self._stream.finalize()


class Decryptor:
    """`update` any pieces, then `finish` once. After any error the stream is dead and gives nothing more.

    ``size`` is the trusted number of ciphertext bytes (on-chain), which makes `Truncated` and `Extended`
    exact; ``expected_key_id`` tells `WrongKey` from `WrongContext`.
    """

    def __init__(
        self,
        data_key: Buffer,
        context: bytes,
        *,
        size: int | None = None,
        expected_key_id: bytes | None = None,
    ) -> None:
        if size is not None:
            plaintext_size(size)
        self._key, self._context, self._key_id = key_of(data_key), context, expected_key_id
        self._stream = Cobblestone256Decryptor(self._key, context)
        self._size, self._seen = size, 0
        self._header = bytearray()
        self._message: Message | None = None
        self._carry = bytearray(SEALED_CHUNK)
        self._held, self._number = 0, 0
        self._closed = False

    def room(self, size: int) -> int:
        """An upper bound of the bytes that `update_into` will write for a piece of `size` bytes."""
        return (self._held + size) // SEALED_CHUNK * CHUNK

    def update_into(self, data: Buffer, out: Buffer) -> int:
        """Decrypt a piece into `out` (at least `room(len(data))` bytes); the bytes written.

        Raises `Extended`, `CommitmentMismatch` and its kinds, `ChunkTampered`, `ChunkReordered`; `out` then
        holds zeros where this call wrote.
        """
        if self._closed:
            raise ValueError("the stream is finished")
        source, sink = memoryview(data).cast("B"), memoryview(out).cast("B")
        self._seen += len(source)
        try:
            if self._size is not None and self._seen > self._size:
                raise Extended(f"more than {self._size} bytes")
            if self._message is None:
                missing = HEADER - len(self._header)
                self._header += source[:missing]
                source = source[missing:]
                if len(self._header) < HEADER:
                    return 0
                self._message = Message.unlock(
                    self._key, self._context, self._header, expected_key_id=self._key_id
                )
                self._stream.update(self._header)
            return self._feed(self._message, source, sink)
        except ChunkedError:
            self._closed = True
            raise

    def _feed(self, message: Message, data: memoryview, out: memoryview) -> int:
        """Decrypts what is complete, copying only what straddles two pieces."""
        done = 0
        if self._held:
            take = min(SEALED_CHUNK - self._held, len(data))
            self._carry[self._held : self._held + take] = data[:take]
            self._held += take
            data = data[take:]
            if self._held < SEALED_CHUNK:
                return 0
            done = self._open(message, memoryview(self._carry), out, 0)
        whole = len(data) // SEALED_CHUNK * SEALED_CHUNK
        if whole:
            done += self._open(message, data[:whole], out, done)
        self._held = len(data) - whole
        self._carry[: self._held] = data[whole:]
        return done

    def _open(self, message: Message, chunks: memoryview, out: memoryview, at: int) -> int:
        try:
            done = self._stream.update_into(chunks, out[at:])
        except InvalidTag:
            # It writes a chunk before it checks the tag: leave none of it behind.
            end = at + len(chunks) // SEALED_CHUNK * CHUNK
            out[:end] = bytes(end)
            return message.open_into(self._number, chunks, out[at:], last=False)
        self._number += len(chunks) // SEALED_CHUNK
        return done

    def update(self, data: Buffer) -> bytearray:
        """The plaintext of the chunks that are complete, and verified, after this piece (perhaps none)."""
        out = bytearray(self.room(memoryview(data).nbytes))
        del out[self.update_into(data, out) :]
        return out

    def finish(self) -> bytearray:
        """The rest, once the end is verified. Raises `Truncated`, `ChunkTampered`, `ChunkReordered`."""
        if self._closed:
            raise ValueError("the stream is finished")
        self._closed = True
        if self._message is None:
            raise Truncated(f"{len(self._header)} bytes are no header")
        if self._size is not None and self._seen < self._size:
            raise Truncated(f"{self._seen} bytes of {self._size}")
        out = bytearray(max(self._held - TAG, 0))
        self._message.open_into(self._number, memoryview(self._carry)[: self._held], out, last=True)
        return out


def encrypt(data_key: Buffer, context: bytes, pieces: Iterable[Buffer]) -> Iterator[bytearray]:
    """The ciphertext of a stream of pieces, as a stream of pieces."""
    stream = Encryptor(data_key, context)
    for piece in pieces:
        yield stream.update(piece)
    yield stream.finish()


def decrypt(
    data_key: Buffer,
    context: bytes,
    pieces: Iterable[Buffer],
    *,
    size: int | None = None,
    expected_key_id: bytes | None = None,
) -> Iterator[bytearray]:
    """The verified plaintext of a stream of pieces; what came out is sound, the whole is only after the last
    piece."""
    stream = Decryptor(data_key, context, size=size, expected_key_id=expected_key_id)
    for piece in pieces:
        yield stream.update(piece)
    yield stream.finish()
