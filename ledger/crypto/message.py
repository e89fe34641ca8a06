"""One message of `ledger.crypto.chunked`: its keys, and its chunks and blocks by number.

`cryptography` offers the format as a stream only (`ledger.crypto.stream`), which cannot begin at a block, nor
tell one failure from another. Hence this module.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ledger.crypto.chunked import (
    BLOCK,
    BLOCK_CHUNKS,
    CHUNK,
    COMMITMENT,
    HEADER,
    MAX_CHUNKS,
    NONCE,
    SALT,
    SEALED_BLOCK,
    SEALED_CHUNK,
    TAG,
    BadKey,
    ChunkReordered,
    ChunkTampered,
    CommitmentMismatch,
    Extended,
    MessageTooLong,
    Truncated,
    WrongContext,
    WrongKey,
)

if TYPE_CHECKING:
    from cryptography.utils import Buffer

_REORDER_WINDOW: Final = 16 * BLOCK_CHUNKS
"""How far, in chunks, to look for the true place of a chunk that does not open: about 10 ms, once, on
failure."""


@dataclass(frozen=True, slots=True)
class Suite:
    """An instance of the construction: an AEAD of the IANA registry, and the hash of the key derivation.

    The ledger uses `COBBLESTONE_256` only. The vectors in `cryptography-vectors` 50.0.2 predate that name and
    derive with SHA-256: the tests run them as suites of their own.
    """

    name: str
    key_size: int
    aead: Callable[[bytes], AESGCM]
    hash: HashAlgorithm


COBBLESTONE_256: Final = Suite("AEAD_AES_256_GCM", 32, AESGCM, SHA512())


def key_id(data_key: Buffer) -> bytes:
    """A public 32-byte name of a data key: HKDF-Expand(SHA-256). It reveals nothing of a random key, and two
    keys never share it."""
    return HKDFExpand(SHA256(), 32, b"socai/data-key-id@v1").derive(key_of(data_key))


class Message:
    """The keys of one message, and its chunks by number. Holds secrets: `repr` shows the salt only. Safe to
    share by threads."""

    __slots__ = ("_aead", "_nonce", "header")

    header: bytes

    def __init__(self, data_key: Buffer, context: bytes, salt: bytes, suite: Suite = COBBLESTONE_256) -> None:
        if len(salt) != SALT:
            raise ValueError(f"the salt is {SALT} bytes, not {len(salt)}")
        info = b"c2sp.org/chunked-encryption@v1+" + suite.name.encode("ascii") + b"\0" + salt + context
        okm = HKDFExpand(suite.hash, suite.key_size + NONCE + COMMITMENT, info).derive(
            key_of(data_key, suite)
        )
        self._aead = suite.aead(okm[: suite.key_size])
        self._nonce = int.from_bytes(okm[suite.key_size : suite.key_size + NONCE], "big")
        self.header = salt + okm[-COMMITMENT:]

    @classmethod
    def new(cls, data_key: Buffer, context: bytes, suite: Suite = COBBLESTONE_256) -> Message:
        """A message to be encrypted, under a fresh random salt."""
        return cls(data_key, context, os.urandom(SALT), suite)

    @classmethod
    def unlock(
        cls,
        data_key: Buffer,
        context: bytes,
        header: Buffer,
        *,
        expected_key_id: bytes | None = None,
        suite: Suite = COBBLESTONE_256,
    ) -> Message:
        """The message that starts with `header` (56 bytes), once its commitment is checked.

        Raises `Truncated` for a short header, and `CommitmentMismatch`, which is told apart into `WrongKey`
        and `WrongContext` when `expected_key_id` is given.
        """
        header = bytes(header)
        if len(header) != HEADER:
            raise (Truncated if len(header) < HEADER else Extended)(
                f"the header is {HEADER} bytes, not {len(header)}"
            )
        if expected_key_id is not None and not hmac.compare_digest(key_id(data_key), expected_key_id):
            raise WrongKey("this is not the data key of this payload")
        message = cls(data_key, context, header[:SALT], suite)
        if not hmac.compare_digest(message.header, header):
            if expected_key_id is not None:
                raise WrongContext("the payload was sealed for another context")
            raise CommitmentMismatch("key, context and header do not belong together")
        return message

    def __repr__(self) -> str:
        return f"<Message salt={self.header[:SALT].hex()}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Message holds keys and is never serialised")

    def seal_into(self, first: int, plaintext: Buffer, out: Buffer, *, last: bool) -> int:
        """Seal `plaintext` as the chunks from number `first` on into `out`; the bytes written.

        With ``last`` the message ends here, else `plaintext` is whole chunks. **Sealing two different texts
        at one chunk number of one message gives both away** (AES-GCM): prefer `Encryptor`, which counts.
        """
        source, sink = memoryview(plaintext).cast("B"), memoryview(out).cast("B")
        full, rest = divmod(len(source), CHUNK)
        if rest and not last:
            raise ValueError("only the last chunk is short")
        if first + full + last > MAX_CHUNKS:
            raise MessageTooLong(f"chunk {first + full}")
        seal, nonce, read, write = self._aead.encrypt_into, self._nonce, 0, 0
        for number in range(first, first + full):
            seal(
                (nonce ^ number).to_bytes(NONCE, "big"),
                source[read : read + CHUNK],
                None,
                sink[write : write + SEALED_CHUNK],
            )
            read += CHUNK
            write += SEALED_CHUNK
        if last:
            final = (nonce ^ (first + full)).to_bytes(NONCE, "big")
            write += seal(final, source[read:], None, sink[write : write + rest + TAG])
        return write

    def open_into(self, first: int, ciphertext: Buffer, out: Buffer, *, last: bool) -> int:
        """Open the chunks from number `first` on into `out`; the bytes written.

        With ``last`` the ciphertext ends with the short chunk that ends a message, else it is whole chunks.
        On any error `out` holds zeros where this call wrote. Raises `Truncated`, `ChunkTampered`,
        `ChunkReordered`.
        """
        source, sink = memoryview(ciphertext).cast("B"), memoryview(out).cast("B")
        full, rest = divmod(len(source), SEALED_CHUNK)
        if last and rest < TAG:
            raise Truncated("the last chunk is missing or cut")
        if rest and not last:
            raise ValueError("only the last chunk is short")
        if first + full + last > MAX_CHUNKS:
            raise MessageTooLong(f"chunk {first + full}")
        unseal, nonce, read, write, number = self._aead.decrypt_into, self._nonce, 0, 0, first
        try:
            for number in range(first, first + full):
                unseal(
                    (nonce ^ number).to_bytes(NONCE, "big"),
                    source[read : read + SEALED_CHUNK],
                    None,
                    sink[write : write + CHUNK],
                )
                read += SEALED_CHUNK
                write += CHUNK
            if last:
                number = first + full
                write += unseal(
                    (nonce ^ number).to_bytes(NONCE, "big"),
                    source[read:],
                    None,
                    sink[write : write + rest - TAG],
                )
        except InvalidTag:
            # OpenSSL writes a chunk before it checks the tag: leave none of it behind.
            failed = bytes(source[read : read + SEALED_CHUNK])
            end = write + len(failed) - TAG
            sink[:end] = bytes(end)
            raise self._diagnose(number, failed) from None
        return write

    def _diagnose(self, number: int, sealed: bytes) -> ChunkTampered:
        """Was a chunk that does not open at `number` sealed at another number nearby? (Nothing of it is
        kept.)"""
        for distance in range(1, _REORDER_WINDOW + 1):
            for other in (number - distance, number + distance):
                if 0 <= other < MAX_CHUNKS:
                    try:
                        self._aead.decrypt((self._nonce ^ other).to_bytes(NONCE, "big"), sealed, None)
                    except InvalidTag:
                        continue
                    return ChunkReordered(number, other)
        return ChunkTampered(number)

    def seal_block(self, index: int, plaintext: Buffer, *, last: bool) -> bytearray:
        """Block `index`, with the header in front when it is the first: exactly one Merkle leaf.

        Every block but the last holds `BLOCK` bytes. The warning of `seal_into` holds.
        """
        size = memoryview(plaintext).nbytes
        if size >= BLOCK if last else size != BLOCK:
            raise ValueError(f"{size} bytes are no {'last ' if last else ''}block")
        head = 0 if index else HEADER
        out = bytearray(head + size + TAG * (size // CHUNK + last))
        out[:head] = self.header[:head]
        self.seal_into(index * BLOCK_CHUNKS, plaintext, memoryview(out)[head:], last=last)
        return out

    def open_block(self, index: int, sealed: Buffer, *, last: bool) -> bytearray:
        """The plaintext of block `index` out of its Merkle leaf (block 0: with the header); at most `BLOCK`
        bytes.

        ``last`` comes from the trusted size: ``index == block_count(size) - 1``. Raises as `open_block_into`.
        """
        size = memoryview(sealed).nbytes
        out = bytearray(min(size, BLOCK))
        del out[self.open_block_into(index, sealed, out, last=last) :]
        return out

    def open_block_into(self, index: int, sealed: Buffer, out: Buffer, *, last: bool) -> int:
        """`open_block` into a buffer of up to `BLOCK` bytes that the caller reuses (allocation costs more
        than AES).

        Raises `Truncated` and `Extended` for a leaf of the wrong length, `CommitmentMismatch` for a block 0
        with another header, `ChunkTampered`, `ChunkReordered`.
        """
        body = memoryview(sealed).cast("B")
        if index == 0:
            if len(body) < HEADER:
                raise Truncated(f"block 0 starts with {HEADER} bytes of header")
            if not hmac.compare_digest(body[:HEADER], self.header):
                raise CommitmentMismatch("block 0 starts with the header of another message")
            body = body[HEADER:]
        if last:
            if len(body) > SEALED_BLOCK - 1:
                raise Extended(f"block {index} is too long to be the last")
        elif len(body) != SEALED_BLOCK:
            raise (Truncated if len(body) < SEALED_BLOCK else Extended)(
                f"block {index} is {len(body)} bytes, not {SEALED_BLOCK}"
            )
        return self.open_into(index * BLOCK_CHUNKS, body, out, last=last)


def key_of(data_key: Buffer, suite: Suite = COBBLESTONE_256) -> bytes:
    """The data key, of the length that the suite asks for. Raises BadKey."""
    key = bytes(data_key)
    if len(key) != suite.key_size:
        raise BadKey(f"a data key is {suite.key_size} bytes, not {len(key)}")
    return key
