"""A payload as it arrives, block by block: each is verified against the listed root before it is decrypted.

What comes with the ciphertext is its *leaf list*: the RFC 6962 leaf hashes of its blocks in order, 32 bytes
each and nothing else, so 32 bytes for each MiB. Its length follows from the size and its root is the listed
root, so nobody has to be believed. A list, not a path for each block: the whole of it is smaller than the
paths, and a reader may begin at any block.

The last byte of a block is awaited, then its hash compared, then it is opened. Every refusal is an error of
its own: `Truncated`, `Extended`, `BlockReordered`, `BlockSwapped`, `WrongKey`; `WrongLeaves` for a list of
another payload, `WrongContext` before any of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ledger.crypto.chunked import (
    SEALED_BLOCK,
    CommitmentMismatch,
    Extended,
    Truncated,
    WrongContext,
    WrongKey,
    payload_context,
)
from ledger.crypto.merkle import (
    FIRST_LEAF,
    HASH,
    MerkleError,
    RootBuilder,
    leaf_count,
    leaf_hash,
    leaf_range,
)
from ledger.crypto.stream import Decryptor

if TYPE_CHECKING:
    from cryptography.utils import Buffer

LEAF: Final = HASH
_SELLER: Final = 52
"""Where the 20 bytes of the seller stand in a context."""


class WrongLeaves(MerkleError):
    """The leaf list is not that of the listed root and size."""


class BlockSwapped(MerkleError):
    """What stands at block `index` is no block of this payload."""

    def __init__(self, index: int) -> None:
        super().__init__(f"block {index} is not what was listed")
        self.index = index


class BlockReordered(BlockSwapped):
    """What stands at block `index` is block `found` of this payload."""

    def __init__(self, index: int, found: int) -> None:
        super().__init__(index)
        self.args = (f"block {found} stands at the place of block {index}",)
        self.found = found


def check_context(context: bytes, chain_id: int, listings: bytes, deposit_id: bytes) -> None:
    """That a payload is encrypted for what the chain names: all of its context but the seller.

    Whether the seller is right shows when the first block opens. Raises WrongContext.
    """
    listed = payload_context(chain_id, listings, bytes(20), deposit_id)
    if (context[:_SELLER], context[_SELLER + 20 :]) != (listed[:_SELLER], listed[_SELLER + 20 :]):
        raise WrongContext("the payload is encrypted for another deposit than the chain names")


class VerifiedReader:
    """Plaintext blocks out of pieces of any size. After a refusal it is of no more use.

    `root` and `size` (of the ciphertext) come from the chain, `leaves` and what is read from anybody.
    """

    def __init__(self, *, data_key: bytes, context: bytes, root: bytes, size: int, leaves: bytes) -> None:
        """Raises WrongLeaves."""
        count = leaf_count(size)
        if len(leaves) != count * LEAF:
            raise WrongLeaves(f"a payload of {size} bytes has {count} leaves")
        builder = RootBuilder()
        for at in range(0, len(leaves), LEAF):
            builder.append(leaves[at : at + LEAF])
        if not hmac.compare_digest(builder.root(), root):
            raise WrongLeaves("the leaves have another root than was listed")
        self._decryptor = Decryptor(data_key, context)
        self._leaves, self._size, self._count = leaves, size, count
        self._index = 0
        self._held = bytearray()

    @property
    def position(self) -> int:
        """The first ciphertext byte of what is not verified yet: where to go on reading after a cut."""
        return self._size if self._index == self._count else leaf_range(self._index, self._size)[0]

    def cut(self) -> int:
        """Forgets the block that was cut off; gives `position`."""
        self._held.clear()
        return self.position

    def update(self, piece: Buffer) -> Iterator[bytearray]:
        """The plaintext of each block that is complete now, verified. Exhaust it before the next piece."""
        self._held += piece
        while self._index < self._count:
            start, end = leaf_range(self._index, self._size)
            if len(self._held) < end - start:
                return
            yield self._open(self._held[: end - start])
            del self._held[: end - start]
            self._index += 1
        if self._held:
            raise Extended(f"there is more than the {self._size} bytes that were listed")

    def finish(self) -> None:
        """Raises Truncated unless all of it was there."""
        if self._index < self._count:
            arrived = self.position + len(self._held)
            raise Truncated(f"{arrived} bytes of {self._size}")

    def _open(self, block: bytearray) -> bytearray:
        index = self._index
        if leaf_hash(block) != self._leaf(index):
            raise self._diagnose(block)
        try:
            plain = self._decryptor.update(block)
        except CommitmentMismatch as error:
            raise WrongKey("the key does not open what was listed in the context it was listed in") from error
        return plain + self._decryptor.finish() if index == self._count - 1 else plain

    def _diagnose(self, block: bytearray) -> BlockSwapped:
        """Does another block of this payload stand here? The first and the last have lengths of their own."""
        places = {self._leaf(index): index for index in range(self._count)}
        first, last = leaf_range(self._count - 1, self._size)
        for length in {FIRST_LEAF, SEALED_BLOCK, last - first}:
            if length <= len(block) and (found := places.get(leaf_hash(block[:length]))) is not None:
                return BlockReordered(self._index, found)
        return BlockSwapped(self._index)

    def _leaf(self, index: int) -> bytes:
        return self._leaves[index * LEAF : (index + 1) * LEAF]
