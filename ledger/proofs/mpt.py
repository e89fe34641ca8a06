"""Merkle-Patricia tries (Yellow Paper, appendix D): proofs, and tries built from all their entries.

A proof is the encoded nodes from the root down to where the key ends or its absence shows, each exactly once,
those without that their parent embeds (they are shorter than 32 bytes). The empty trie needs none. Only what
the definition permits is a node:

    leaf       [hex-prefix(rest of the key, 1), value]        value not empty
    extension  [hex-prefix(shared nibbles, 0), child]         at least one nibble; the child is a branch
    branch     [child × 16, value]                            at least two of the 17 not empty
    child      32-byte Keccak-256 of an encoding of at least 32 bytes, or a shorter node itself, or empty

so that a set of entries has one root and a key one proof. State and storage are keyed by `secure` keys,
transactions and receipts by `index_key`. Checks raise a `TrieError`; what a proof shows is a value or, proven
as well, None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from ledger.proofs import rlp
from ledger.proofs.error import ProofError
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.quantity import BadQuantity, bytes_of
from ledger.proofs.rlp import Item, RlpError

EMPTY_ROOT: Final = keccak(b"\x80")

# A branch of 16 hashes and no value, as most are near the root: there is a prefix at each 33rd byte.
_FULL: Final = 532
_FULL_HEAD: Final = b"\xf9\x02\x11"
_FULL_MARKS: Final = b"\xa0" * 16 + b"\x80"


class TrieError(ProofError):
    """Any refusal of this module."""


class BadNode(TrieError):
    """What stands where a node should be is none, or one that no trie contains there."""


class NodeMismatch(TrieError):
    """A node is another than the root or the node above commits to."""


class ProofTooShort(TrieError):
    """The proof ends before it shows anything."""


class SurplusNodes(TrieError):
    """The proof goes on after it has shown everything."""


class ValueMismatch(TrieError):
    """The proof is sound and shows another value."""


class KeyAbsent(TrieError):
    """The proof is sound and shows that the key has no value."""


class KeyPresent(TrieError):
    """The proof is sound and shows that the key has a value."""


def secure(key: bytes) -> bytes:
    """The key under which the state and storage tries file `key`."""
    return keccak(key)


def index_key(index: int) -> bytes:
    """The key under which a block's tries file item `index`."""
    return rlp.encode(rlp.encode_int(index))


def proof_from_rpc(nodes: object) -> list[bytes]:
    """The `accountProof` or `proof` of `eth_getProof`. Raises BadNode when that is no list of bytes.

    Of the empty trie, go-ethereum proves by nothing and anvil by the empty string: here it is by nothing.
    """
    if not isinstance(nodes, list):
        raise BadNode("a proof is a list of nodes")
    try:
        proof = [bytes_of(node) for node in nodes]
    except BadQuantity as error:
        raise BadNode(str(error)) from error
    return [] if proof == [b"\x80"] else proof


def prove(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """What the trie under the trusted `root` holds at `key`: a value, or None, which is proven just so.

    Raises BadNode, NodeMismatch, ProofTooShort, SurplusNodes.
    """
    nodes = iter(proof)

    def take(reference: bytes) -> bytes:
        node = next(nodes, None)
        if node is None:
            raise ProofTooShort(f"the proof ends after {len(proof)} nodes")
        if keccak(node) != reference:
            raise NodeMismatch(f"a node that does not hash to 0x{reference.hex()}")
        return node

    value = _walk(root, key, take)
    if surplus := sum(1 for _ in nodes):
        raise SurplusNodes(f"{surplus} of {len(proof)} nodes are no part of the proof")
    return value


def verify_inclusion(root: bytes, key: bytes, value: bytes, proof: Sequence[bytes]) -> None:
    """Check that the trie holds `value` at `key`. Raises KeyAbsent, ValueMismatch, what `prove` raises."""
    found = prove(root, key, proof)
    if found is None:
        raise KeyAbsent(f"0x{key.hex()} is proven to be absent")
    if found != value:
        raise ValueMismatch(f"0x{key.hex()} is proven to have another value")


def verify_absence(root: bytes, key: bytes, proof: Sequence[bytes]) -> None:
    """Check that the trie holds nothing at `key`. Raises KeyPresent, what `prove` raises."""
    if prove(root, key, proof) is not None:
        raise KeyPresent(f"0x{key.hex()} is proven to be present")


class Trie:
    """The trie of some entries, which answers its root and proofs for any key. An empty value is no entry."""

    def __init__(self, entries: Mapping[bytes, bytes]) -> None:
        self._nodes: dict[bytes, bytes] = {}
        ordered = sorted((key.hex(), value) for key, value in entries.items() if value)
        if ordered:
            top = self._encoded(ordered, 0, len(ordered), 0)
            self.root = keccak(top)
            self._nodes[self.root] = top
        else:
            self.root = EMPTY_ROOT

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`, None when there is none."""
        return _walk(self.root, key, self._nodes.__getitem__)

    def proof(self, key: bytes) -> list[bytes]:
        """The nodes that prove what stands at `key`, or that nothing does."""
        path: list[bytes] = []

        def take(reference: bytes) -> bytes:
            path.append(self._nodes[reference])
            return path[-1]

        _walk(self.root, key, take)
        return path

    def _encoded(self, entries: list[tuple[str, bytes]], low: int, high: int, depth: int) -> bytes:
        """The node over ``entries[low:high]``, which are sorted and share their first `depth` nibbles."""
        first, value = entries[low]
        if high - low == 1:
            return rlp.encode_list((_path_item(first[depth:], leaf=True), rlp.encode(value)))
        last = entries[high - 1][0]
        shared = depth
        while shared < len(first) and first[shared] == last[shared]:
            shared += 1
        branch = self._branch(entries, low, high, shared)
        if shared == depth:
            return branch
        path = _path_item(first[depth:shared], leaf=False)
        return rlp.encode_list((path, self._reference(branch)))

    def _branch(self, entries: list[tuple[str, bytes]], low: int, high: int, depth: int) -> bytes:
        items = [b"\x80"] * 17
        if len(entries[low][0]) == depth:
            items[16] = rlp.encode(entries[low][1])
            low += 1
        while low < high:
            nibble, end = entries[low][0][depth], low + 1
            while end < high and entries[end][0][depth] == nibble:
                end += 1
            items[int(nibble, 16)] = self._reference(self._encoded(entries, low, end, depth + 1))
            low = end
        return rlp.encode_list(items)

    def _reference(self, node: bytes) -> bytes:
        """How a parent refers to the node, encoded."""
        if len(node) < HASH:
            return node
        digest = keccak(node)
        self._nodes[digest] = node
        return b"\xa0" + digest


def _walk(root: bytes, key: bytes, take: Callable[[bytes], bytes]) -> bytes | None:
    """Follow `key` down from `root`. `take` gives the encoded node of a hash."""
    if root == EMPTY_ROOT:
        return None
    rest, below_extension = key.hex(), False
    node: Item = root
    while True:
        if isinstance(node, bytes):
            encoded = take(node)
            if len(encoded) < HASH and node is not root:
                raise BadNode("a node short enough to be embedded stands by itself")
            if rest and len(encoded) == _FULL and encoded[:3] == _FULL_HEAD and encoded[3::33] == _FULL_MARKS:
                at = 4 + 33 * int(rest[0], 16)
                rest, node, below_extension = rest[1:], encoded[at : at + HASH], False
                continue
            node = _decoded(encoded)
        if len(node) == 17:
            _check_branch(node)
            if not rest:
                return _value(node[16]) or None
            child, below_extension = node[int(rest[0], 16)], False
            rest = rest[1:]
            if child == b"":
                return None
        elif below_extension:
            raise BadNode("an extension to something else than a branch")
        elif len(node) == 2:
            path, leaf = _path(node[0])
            child = node[1]
            if not child:
                raise BadNode("a leaf without a value, or an extension without a child")
            if leaf:
                value = _value(child)
                return value if rest == path else None
            if not path:
                raise BadNode("an extension without nibbles")
            if not rest.startswith(path):
                _child(child)
                return None
            rest, below_extension = rest[len(path) :], True
        else:
            raise BadNode(f"a list of {len(node)} items is no node")
        node = _child(child)


def _decoded(encoded: bytes) -> list[Item]:
    try:
        node = rlp.decode(encoded)
    except RlpError as error:
        raise BadNode(str(error)) from error
    if not isinstance(node, list):
        raise BadNode("a string is no node")
    return node


def _check_branch(node: list[Item]) -> None:
    if node.count(b"") > 15:
        raise BadNode("a branch that does not branch")
    if list in map(type, node[:16]) or not {0, HASH}.issuperset(map(len, node[:16])):
        for child in node[:16]:
            if child != b"":
                _child(child)
    _value(node[16])


def _child(child: Item) -> Item:
    """A branch's or extension's reference: a hash, or an embedded node."""
    if isinstance(child, bytes):
        if len(child) != HASH:
            raise BadNode(f"a reference of {len(child)} bytes is no hash")
    elif len(rlp.encode(child)) >= HASH:
        raise BadNode("an embedded node that is long enough to be hashed")
    return child


def _value(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise BadNode("a list where a value is expected")
    return item


def _path(item: Item) -> tuple[str, bool]:
    """The nibbles of a hex-prefix encoding (Yellow Paper, appendix C), as hex digits, and its flag."""
    text = _value(item).hex()
    if text[:2] in ("00", "20"):
        return text[2:], text[0] == "2"
    if text[:1] in ("1", "3"):
        return text[1:], text[0] == "3"
    raise BadNode("a path that is not in hex-prefix encoding")


@lru_cache(maxsize=1 << 10)
def _path_item(nibbles: str, *, leaf: bool) -> bytes:
    """Encoded; the short ones of a block's tries come again and again."""
    flag = 2 * leaf + len(nibbles) % 2
    return rlp.encode(bytes.fromhex(f"{flag}{nibbles}" if len(nibbles) % 2 else f"{flag}0{nibbles}"))
