"""Merkle trees of RFC 6962 (section 2.1; verification as in RFC 9162, section 2.1), with SHA-256.

``MTH({}) = SHA-256()``, a leaf is ``SHA-256(0x00 | data)``, a node ``SHA-256(0x01 | left | right)``, and a
tree of ``n`` leaves splits at the largest power of two below ``n``. The two prefixes keep a node from
passing as a leaf.

Over a payload, a leaf is one block of `ledger.crypto.chunked` (64 encrypted chunks), block 0 with the
message header, so that one verified leaf decrypts by itself. Verification raises; it never returns a bool.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from ledger.crypto.chunked import HEADER, SEALED_BLOCK

if TYPE_CHECKING:
    from cryptography.utils import Buffer

HASH: Final = 32
FIRST_LEAF: Final = HEADER + SEALED_BLOCK
"""Bytes in leaf 0 of a payload that has more than one leaf."""
EMPTY_ROOT: Final = hashlib.sha256().digest()


class MerkleError(Exception):
    """Any refusal of this module."""


class LeafOutOfRange(MerkleError):
    """The tree has no such leaf, or no such size."""


class BadProof(MerkleError):
    """The proof has the wrong length or holds something that is not a hash."""


class RootMismatch(MerkleError):
    """The proof is well formed and leads to another root."""


def leaf_hash(data: Buffer) -> bytes:
    """SHA-256(0x00 | data)."""
    digest = hashlib.sha256(b"\0")
    digest.update(data)
    return digest.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 | left | right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf_count(total: int) -> int:
    """Leaves of a payload of `total` ciphertext bytes; none when it is empty."""
    if total < 0:
        raise ValueError("a size is not negative")
    if total <= FIRST_LEAF:
        return min(total, 1)
    return 1 - (FIRST_LEAF - total) // SEALED_BLOCK


def leaf_range(index: int, total: int) -> tuple[int, int]:
    """The bytes ``[start, end)`` of leaf `index` in a payload of `total` ciphertext bytes."""
    if not 0 <= index < leaf_count(total):
        raise LeafOutOfRange(f"leaf {index} of {leaf_count(total)}")
    start = HEADER + index * SEALED_BLOCK if index else 0
    return start, min(HEADER + (index + 1) * SEALED_BLOCK, total)


class RootBuilder:
    """The root of a growing list of leaf hashes, in O(log n) memory."""

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[
            bytes
        ] = []  # of the perfect subtrees, largest first: one for each bit set in `size`

    def append(self, leaf: bytes) -> None:
        """Add the next leaf *hash*."""
        node, size = _hash(leaf), self.size
        while size & 1:
            node = node_hash(self._roots.pop(), node)
            size >>= 1
        self._roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root so far; more leaves may follow."""
        if not self._roots:
            return EMPTY_ROOT
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = node_hash(left, node)
        return node


class PayloadHasher:
    """Root and size of a payload that streams by in pieces of any size, in O(log n) memory.

    ``on_leaf(index, leaf hash)`` is called as leaves complete: collect them (32 bytes per MiB) for a `Tree`.
    """

    def __init__(self, on_leaf: Callable[[int, bytes], None] | None = None) -> None:
        self.size = 0
        self._on_leaf = on_leaf
        self._builder = RootBuilder()
        self._leaf = hashlib.sha256(b"\0")
        self._left = FIRST_LEAF  # bytes that the current leaf still takes
        self._root: bytes | None = None

    def update(self, data: Buffer) -> None:
        """Take the next piece of ciphertext."""
        if self._root is not None:
            raise ValueError("the payload is finished")
        rest = memoryview(data).cast("B")
        self.size += len(rest)
        while len(rest):
            if not self._left:
                self._close_leaf()
            part = rest[: self._left]
            self._leaf.update(part)
            self._left -= len(part)
            rest = rest[len(part) :]

    def finish(self) -> bytes:
        """The root (32 bytes). May be asked again."""
        if self._root is None:
            if self.size:
                self._close_leaf()
            self._root = self._builder.root()
        return self._root

    def _close_leaf(self) -> None:
        digest = self._leaf.digest()
        if self._on_leaf is not None:
            self._on_leaf(self._builder.size, digest)
        self._builder.append(digest)
        self._leaf = hashlib.sha256(b"\0")
        self._left = SEALED_BLOCK


class Tree:
    """A tree that answers proofs for itself at any size it has had, each in O(log² n), from n leaf hashes in
    memory."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [
            []
        ]  # level k: hashes of the perfect subtrees of 2^k leaves, in order
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add the next leaf *hash*."""
        self._levels[0].append(_hash(leaf))
        level = 0
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1

    def leaf(self, index: int) -> bytes:
        """The hash of leaf `index`."""
        if not 0 <= index < len(self):
            raise LeafOutOfRange(f"leaf {index} of {len(self)}")
        return self._levels[0][index]

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves (all of them by default)."""
        size = self._size(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """``PATH(index, D[size])``, leaf to root."""
        low, high = 0, self._size(size)
        if not 0 <= index < high:
            raise LeafOutOfRange(f"leaf {index} of {high}")
        path: list[bytes] = []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """``PROOF(old, D[size])``: that the first `old` leaves are a prefix. Empty for 0 and for `size`
        itself."""
        low, high = 0, self._size(size)
        if not 0 <= old <= high:
            raise LeafOutOfRange(f"size {old} of {high}")
        if old in (0, high):
            return []
        path: list[bytes] = []
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        if low:  # else the verifier knows this hash: it is the old root
            path.append(self._range(low, high))
        return path[::-1]

    def _size(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise LeafOutOfRange(f"size {size} of {len(self)}")
        return size

    def _range(self, low: int, high: int) -> bytes:
        """MTH of the leaves ``[low, high)``, which lie as a subtree of some tree (``low`` is a multiple of
        its width)."""
        width = high - low
        if width & (width - 1) == 0:
            return self._levels[width.bit_length() - 1][low // width]
        middle = low + _split(width)
        return node_hash(self._range(low, middle), self._range(middle, high))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash `leaf` stands at `index` in the tree of `size` leaves under `root` (RFC 9162,
    2.1.3.2).

    `size` is trusted like `root`, and comes from where the root comes from: a path alone does not tell sizes
    of the same shape apart. Raises `LeafOutOfRange`, `BadProof` (also for a proof that is too long or too
    short), `RootMismatch`.
    """
    if not 0 <= index < size:
        raise LeafOutOfRange(f"leaf {index} of {size}")
    node, place, last = _hash(leaf), index, size - 1
    for sibling in map(_hash, proof):
        if last == 0:
            raise BadProof("the proof is too long")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        place >>= 1
        last >>= 1
    if last:
        raise BadProof("the proof is too short")
    _same(node, root, f"leaf {index} is not under this root")


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that the tree of `old_size` leaves is a prefix of the one of `new_size` (RFC 9162, 2.1.4.2).

    The empty tree is a prefix of every tree, by an empty proof. Raises `LeafOutOfRange` when the log shrank,
    `BadProof`, `RootMismatch`.
    """
    if not 0 <= old_size <= new_size:
        raise LeafOutOfRange(f"a tree of {old_size} leaves is no prefix of one of {new_size}")
    path = [_hash(node) for node in proof]
    if old_size in (0, new_size):
        if path:
            raise BadProof("the proof is too long")
        _same(EMPTY_ROOT if old_size == 0 else new_root, old_root, "the old root is another")
        if new_size == 0:
            _same(EMPTY_ROOT, new_root, "the new root is another")
        return
    if old_size & (old_size - 1) == 0:
        path.insert(0, _hash(old_root))
    if not path:
        raise BadProof("the proof is too short")
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise BadProof("the proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        place >>= 1
        last >>= 1
    if last:
        raise BadProof("the proof is too short")
    _same(old, old_root, "the old root is another")
    _same(new, new_root, "the new root is another")


def _split(size: int) -> int:
    """The largest power of two below `size` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _hash(value: bytes) -> bytes:
    if len(value) != HASH:
        raise BadProof(f"a hash is {HASH} bytes, not {len(value)}")
    return bytes(value)


def _same(found: bytes, expected: bytes, message: str) -> None:
    if not hmac.compare_digest(found, expected):
        raise RootMismatch(message)
