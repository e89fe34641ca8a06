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

`ledger.crypto.message` opens and seals chunks and blocks by number, `ledger.crypto.stream` whole messages.
"""

from __future__ import annotations

from typing import Final

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
