"""RLP and tries against the packages `rlp` and `trie`; proofs of random tries, spoiled in random ways."""

import contextlib
from collections.abc import Sequence

import pytest
import rlp as other_rlp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trie import HexaryTrie
from trie.exceptions import ValidationError

from ledger.proofs import mpt, rlp
from ledger.proofs.mpt import Trie, TrieError, prove
from ledger.proofs.rlp import RlpError

brief = settings(max_examples=150, deadline=None)
items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6), max_leaves=30)
# few nibbles, so that keys share prefixes, end inside each other, and nodes are embedded
keys = st.one_of(
    st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xFF]), max_size=5).map(bytes),
    st.binary(min_size=32, max_size=32),
)
values = st.one_of(st.binary(min_size=1, max_size=4), st.binary(min_size=1, max_size=80))
tries = st.dictionaries(keys, values, max_size=40)


@brief
@given(items)
def test_rlp_is_what_the_package_makes(item: rlp.Item) -> None:
    assert rlp.encode(item) == other_rlp.encode(item)
    assert rlp.decode(rlp.encode(item)) == item


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=80), items.map(rlp.encode)), st.data())
def test_rlp_has_one_encoding_for_each_item(data: bytes, draw: st.DataObject) -> None:
    if data and draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw.draw(st.binary(max_size=2)) + data[at + 1 :]
    try:
        item = rlp.decode(data)
    except RlpError:
        with pytest.raises(other_rlp.exceptions.RLPException):
            other_rlp.decode(data, strict=True)
    else:
        assert rlp.encode(item) == data
        assert other_rlp.decode(data) == item


@brief
@given(tries, st.lists(keys, max_size=10))
@example({}, [b""])
@example({b"": b"v"}, [b"", b"\0"])
@example({b"\0\0": b"v", b"\0\0\0": b"v"}, [b"\0"])
def test_tries_are_what_the_package_makes(entries: dict[bytes, bytes], others: list[bytes]) -> None:
    theirs, ours = HexaryTrie({}), Trie(entries)
    for key, value in entries.items():
        theirs[key] = value
    assert ours.root == theirs.root_hash
    for key in (*entries, *others):
        proof = ours.proof(key)
        assert prove(ours.root, key, proof) == entries.get(key) == ours.get(key)
        decoded = [other_rlp.decode(node) for node in proof]
        with contextlib.suppress(ValidationError):  # trie 4.0 fails for a key that ends inside an extension
            assert theirs[key] == HexaryTrie.get_from_proof(ours.root, key, decoded) == entries.get(key, b"")


@brief
@given(st.dictionaries(keys, values, min_size=2, max_size=40), keys, st.data())
def test_threat_S20_a_spoiled_proof_proves_nothing(
    entries: dict[bytes, bytes], other: bytes, draw: st.DataObject
) -> None:
    trie = Trie(entries)
    key = draw.draw(st.sampled_from([*entries, other]))
    proof = trie.proof(key)
    with pytest.raises(TrieError):
        prove(trie.root, key, spoiled(proof, trie, entries, draw))


def spoiled(
    proof: Sequence[bytes], trie: Trie, entries: dict[bytes, bytes], draw: st.DataObject
) -> Sequence[bytes]:
    at = draw.draw(st.integers(0, len(proof) - 1))
    node = proof[at]
    way = draw.draw(st.sampled_from(["drop", "add", "repeat", "swap", "flip", "cut", "extend"]))
    if way == "drop":
        return [*proof[:at], *proof[at + 1 :]]
    if way == "add":
        others = [n for key in entries for n in trie.proof(key)]
        return [*proof[:at], draw.draw(st.sampled_from(others)), *proof[at:]]
    if way == "repeat":
        return [*proof, node]
    if way == "swap" and len(proof) > 1:
        return [*proof[at:], *proof[:at]] if at else proof[::-1]
    if way == "cut":
        return [*proof[:at], node[:-1], *proof[at + 1 :]]
    if way == "extend":
        return [*proof[:at], node + b"\0", *proof[at + 1 :]]
    byte = draw.draw(st.integers(0, len(node) - 1))
    flipped = node[byte] ^ draw.draw(st.integers(1, 255))
    return [*proof[:at], node[:byte] + bytes([flipped]) + node[byte + 1 :], *proof[at + 1 :]]


@brief
@given(st.dictionaries(keys, values, min_size=1, max_size=40), st.sets(keys, min_size=1, max_size=5))
def test_a_proof_serves_another_key_only_with_the_truth(
    entries: dict[bytes, bytes], others: set[bytes]
) -> None:
    """Keys may share nodes; whatever a proof made for one shows of another is so."""
    trie = Trie(entries)
    for made_for in list(entries)[:5]:
        for key in others:
            try:
                shown = prove(trie.root, key, trie.proof(made_for))
            except TrieError:
                continue
            assert shown == entries.get(key)


@brief
@given(st.binary(max_size=600), st.lists(st.binary(max_size=600), max_size=3), keys)
def test_whatever_arrives_is_refused_as_a_proof_error(first: bytes, rest: list[bytes], key: bytes) -> None:
    with pytest.raises(TrieError):
        prove(mpt.secure(b"some root"), key, [first, *rest])
    with contextlib.suppress(TrieError):
        prove(mpt.secure(first), key, [first, *rest])


@brief
@given(items, st.lists(items, max_size=2), keys)
def test_whatever_node_arrives_is_refused_as_a_proof_error(
    first: rlp.Item, rest: list[rlp.Item], key: bytes
) -> None:
    """Under a root that commits to it, as only a broken chain would have."""
    node = rlp.encode(first)
    with contextlib.suppress(TrieError):
        prove(mpt.secure(node), key, [node, *map(rlp.encode, rest)])
