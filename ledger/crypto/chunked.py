"""Payload encryption: C2SP *chunked encryption* v1 (https://c2sp.org/chunked-encryption).

A message is a 56-byte header (24-byte salt, 32-byte commitment) and AES-GCM chunks of 16 KiB, the last one
always shorter and perhaps empty. Key, base nonce and commitment come from one HKDF-Expand(SHA-512) over salt
and context::

    header | chunk 0 (16400 bytes) | chunk 1 | … | last chunk (16 to 16399 bytes)

Chunk ``k`` is sealed under the nonce ``base nonce XOR k`` with no associated data, so every chunk opens by
itself. A *block* is 64 chunks (1 MiB of plaintext): the unit of random access and, with the header in front
of block 0, the leaf of the Merkle tree in `ledger.crypto.merkle`.

What each failure means, and how far the format can tell:

* `Truncated`: bytes are missing. Sure when the size is known (pass ``size``: it is on-chain); without it, a
  cut inside a chunk looks like tampering and raises `ChunkTampered`.
* `Extended`: bytes too many, likewise sure when the size is known.
* `ChunkReordered`: the chunk is genuine but belongs elsewhere in this message. `ChunkTampered`: it is not
  genuine.
* `WrongKey`, `WrongContext`: the commitment does not match. The format cannot tell the two apart; the public
  `key_id` of the data key can: pass it, or get the common `CommitmentMismatch`.

No byte of plaintext leaves before the chunk it came from is verified.

`cryptography.cobblestone` (from 50.0) streams the same format, and the tests check ours against it in both
directions. It cannot open a block by itself nor tell one failure from another: hence this module.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

if TYPE_CHECKING:
    from cryptography.utils import Buffer

CHUNK: Final = 16 * 1024
"""Plaintext bytes in every chunk but the last."""
TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG
SALT: Final = 24
COMMITMENT: Final = 32
HEADER: Final = SALT + COMMITMENT
BLOCK_CHUNKS: Final = 64
BLOCK: Final = BLOCK_CHUNKS * CHUNK
"""Plaintext bytes in every block but the last (1 MiB)."""
SEALED_BLOCK: Final = BLOCK_CHUNKS * SEALED_CHUNK
"""Ciphertext bytes in every block but the last, without the header of block 0."""
MAX_CHUNKS: Final = 2**38
NONCE: Final = 12

_REORDER_WINDOW: Final = 16 * BLOCK_CHUNKS
"""How far, in chunks, to look for the true place of a chunk that does not open: about 10 ms, once, on
failure."""


class ChunkedError(Exception):
    """Any refusal of this module."""


class BadKey(ChunkedError):
    """The data key does not have the length that the suite asks for."""


class MessageTooLong(ChunkedError):
    """The message would reach 2^38 chunks (4 PiB)."""


class Truncated(ChunkedError):
    """Bytes are missing at the end."""


class Extended(ChunkedError):
    """There are bytes after the end."""


class CommitmentMismatch(ChunkedError):
    """Key, context and header do not belong together."""


class WrongKey(CommitmentMismatch):
    """The data key is not the one with the expected key id."""


class WrongContext(CommitmentMismatch):
    """The data key is right: the context (or the header itself) is not."""


class ChunkTampered(ChunkedError):
    """Chunk `index` is not what was sealed at this place."""

    def __init__(self, index: int, message: str | None = None) -> None:
        super().__init__(message or f"chunk {index} fails authentication")
        self.index = index


class ChunkReordered(ChunkTampered):
    """What stands at `index` is chunk `found` of the same message."""

    def __init__(self, index: int, found: int) -> None:
        super().__init__(index, f"chunk {found} stands at the place of chunk {index}")
        self.found = found


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


def payload_context(chain_id: int, listings: bytes, seller: bytes, deposit_id: bytes) -> bytes:
    """The 104 bytes that bind a payload to its deposit: uint256 chain id | Listings (20) | seller (20) |
    deposit id (32)."""
    for name, value, size in (
        ("listings", listings, 20),
        ("seller", seller, 20),
        ("deposit_id", deposit_id, 32),
    ):
        if len(value) != size:
            raise ValueError(f"{name} must be {size} bytes, not {len(value)}")
    if not 0 <= chain_id < 2**256:
        raise ValueError("chain_id must be a uint256")
    return chain_id.to_bytes(32, "big") + bytes(listings) + bytes(seller) + bytes(deposit_id)


def key_id(data_key: Buffer) -> bytes:
    """A public 32-byte name of a data key: HKDF-Expand(SHA-256). It reveals nothing of a random key, and two
    keys never share it."""
    return HKDFExpand(SHA256(), 32, b"socai/data-key-id@v1").derive(_key_of(data_key, COBBLESTONE_256))


def ciphertext_size(plaintext: int) -> int:
    """Bytes of the message that `plaintext` bytes become."""
    if plaintext < 0:
        raise ValueError("a size is not negative")
    if plaintext >= MAX_CHUNKS * CHUNK:
        raise MessageTooLong(f"{plaintext} bytes")
    return HEADER + plaintext + TAG * (plaintext // CHUNK + 1)


def plaintext_size(ciphertext: int) -> int:
    """Bytes inside a message of `ciphertext` bytes; raises `Truncated` for a size that no message has."""
    full, rest = divmod(ciphertext - HEADER, SEALED_CHUNK)
    if ciphertext < HEADER + TAG or rest < TAG:
        raise Truncated(f"no message is {ciphertext} bytes long")
    if full >= MAX_CHUNKS:
        raise MessageTooLong(f"{ciphertext} bytes")
    return full * CHUNK + rest - TAG


def block_count(ciphertext: int) -> int:
    """Number of blocks in a message of `ciphertext` bytes (at least one)."""
    return plaintext_size(ciphertext) // BLOCK + 1


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
            _key_of(data_key, suite)
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


class _Stream:
    """Cuts pieces of any size into units of `unit` bytes; keeps less than one unit between calls."""

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._carry = bytearray(unit)
        self._held = 0
        self._number = 0
        self._closed = False

    def _units(self, size: int) -> int:
        return (self._held + size) // self._unit

    def _feed(
        self, data: memoryview, out: memoryview, step: Callable[[int, memoryview, memoryview], int]
    ) -> int:
        """Call `step(number, whole units, out)` on what is complete, copying only what straddles two
        pieces."""
        if self._closed:
            raise ValueError("the stream is finished")
        done = 0
        if self._held:
            take = min(self._unit - self._held, len(data))
            self._carry[self._held : self._held + take] = data[:take]
            self._held += take
            data = data[take:]
            if self._held < self._unit:
                return 0
            done = step(self._number, memoryview(self._carry), out)
            self._number += 1
            self._held = 0
        whole, rest = divmod(len(data), self._unit)
        if whole:
            done += step(self._number, data[: whole * self._unit], out[done:])
            self._number += whole
        self._carry[:rest] = data[len(data) - rest :]
        self._held = rest
        return done


class Encryptor(_Stream):
    """Streaming encryption in constant memory: `update` any pieces, then `finish` once. The header comes
    first.

    ``message`` is for tests and for resuming; by default a fresh salt is drawn.
    """

    def __init__(self, data_key: Buffer, context: bytes, *, message: Message | None = None) -> None:
        super().__init__(CHUNK)
        self._message = message or Message.new(data_key, context)
        self._header = self._message.header

    def room(self, size: int) -> int:
        """Bytes that `update_into` will write for a piece of `size` bytes."""
        return len(self._header) + self._units(size) * SEALED_CHUNK

    def update_into(self, data: Buffer, out: Buffer) -> int:
        """Encrypt a piece into `out` (at least `room(len(data))` bytes); the bytes written."""
        source, sink = memoryview(data).cast("B"), memoryview(out).cast("B")
        head = len(self._header)
        sink[:head] = self._header
        self._header = b""
        return head + self._feed(source, sink[head:], self._step)

    def update(self, data: Buffer) -> bytearray:
        """The ciphertext that is complete after this piece (perhaps none)."""
        out = bytearray(self.room(memoryview(data).nbytes))
        self.update_into(data, out)
        return out

    def finish(self) -> bytearray:
        """The rest: the last, short chunk."""
        head = self.update(b"")
        out = bytearray(self._held + TAG)
        self._message.seal_into(self._number, memoryview(self._carry)[: self._held], out, last=True)
        self._closed = True
        return head + out

    def _step(self, number: int, data: memoryview, out: memoryview) -> int:
        return self._message.seal_into(number, data, out, last=False)


class Decryptor(_Stream):
    """Streaming decryption in constant memory. After any error the stream is dead and gives nothing more.

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
        suite: Suite = COBBLESTONE_256,
    ) -> None:
        super().__init__(SEALED_CHUNK)
        if size is not None:
            plaintext_size(size)
        self._unlock: Callable[[bytes], Message] = lambda header: Message.unlock(
            data_key, context, header, expected_key_id=expected_key_id, suite=suite
        )
        self._size, self._seen = size, 0
        self._header = bytearray()
        self._message: Message | None = None

    def room(self, size: int) -> int:
        """An upper bound of the bytes that `update_into` will write for a piece of `size` bytes."""
        return self._units(size) * CHUNK

    def update_into(self, data: Buffer, out: Buffer) -> int:
        """Decrypt a piece into `out` (at least `room(len(data))` bytes); the bytes written.

        Raises `Extended`, `CommitmentMismatch` and its kinds, `ChunkTampered`, `ChunkReordered`.
        """
        source = memoryview(data).cast("B")
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
                self._message = self._unlock(bytes(self._header))
            return self._feed(source, memoryview(out).cast("B"), self._step)
        except ChunkedError:
            self._closed = True
            raise

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

    def _step(self, number: int, data: memoryview, out: memoryview) -> int:
        assert self._message is not None  # noqa: S101 - set before anything is fed
        return self._message.open_into(number, data, out, last=False)


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


def _key_of(data_key: Buffer, suite: Suite) -> bytes:
    key = bytes(data_key)
    if len(key) != suite.key_size:
        raise BadKey(f"a data key is {suite.key_size} bytes, not {len(key)}")
    return key
