"""The trees against the recursive definition of RFC 6962, section 2.1."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto.merkle import (
    FIRST_LEAF,
    MerkleError,
    PayloadHasher,
    RootBuilder,
    Tree,
    leaf_count,
    leaf_hash,
    leaf_range,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

HASHES = [leaf_hash(i.to_bytes(4, "big")) for i in range(300)]
TREE = Tree(HASHES)
sizes = st.integers(1, len(HASHES))
brief = settings(max_examples=200, deadline=None)


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


@brief
@given(sizes, st.integers(0, 2**20))
def test_trees_match_the_definition(size: int, seed: int) -> None:
    leaves, index = HASHES[:size], seed % size
    builder = RootBuilder()
    for leaf in leaves:
        builder.append(leaf)
    root = mth(leaves)
    assert builder.root() == root == TREE.root(size) == Tree(leaves).root()
    proof = TREE.inclusion_proof(index, size)
    assert proof == path(index, leaves)
    verify_inclusion(leaves[index], index, size, proof, root)
    old = 1 + seed % size
    proof = TREE.consistency_proof(old, size)
    assert proof == subproof(old, leaves, True)
    verify_consistency(old, size, proof, TREE.root(old), root)


@brief
@given(
    sizes,
    st.integers(0, 2**20),
    st.sampled_from(["leaf", "index", "size", "cut", "add", "flip", "swap", "root"]),
)
def test_threat_C20_any_altered_inclusion_proof_is_refused(size: int, seed: int, how: str) -> None:
    index = seed % size
    leaf, proof, root, total = HASHES[index], TREE.inclusion_proof(index, size), TREE.root(size), size
    if how == "leaf":
        leaf = leaf_hash(b"other")
    elif how == "index":
        index = (index + 1 + seed % 7) % (size + 1)
        if index == seed % size:
            return
    elif how == "size":
        # Another size can fold to the same root only where the shape of the path is the same: never claimed.
        total = size * 2 + 1
    elif how == "cut":
        if not proof:
            return
        del proof[seed % len(proof)]
    elif how == "add":
        proof.insert(seed % (len(proof) + 1), HASHES[seed % len(HASHES)])
    elif how == "flip":
        if not proof:
            return
        place = seed % len(proof)
        proof[place] = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    elif how == "swap":
        if len(proof) < 2:
            return
        proof[0], proof[-1] = proof[-1], proof[0]
    else:
        root = bytes([root[0] ^ 1]) + root[1:]
    with pytest.raises(MerkleError):
        verify_inclusion(leaf, index, total, proof, root)


@brief
@given(sizes, st.integers(0, 2**20), st.sampled_from(["cut", "add", "flip", "old", "new"]))
def test_threat_C20_any_altered_consistency_proof_is_refused(size: int, seed: int, how: str) -> None:
    old = 1 + seed % size
    proof, old_root, new_root = TREE.consistency_proof(old, size), TREE.root(old), TREE.root(size)
    if how in ("cut", "flip") and not proof:
        return
    if how == "cut":
        del proof[seed % len(proof)]
    elif how == "add":
        proof.insert(seed % (len(proof) + 1), HASHES[seed % len(HASHES)])
    elif how == "flip":
        place = seed % len(proof)
        proof[place] = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    elif how == "old":
        old_root = bytes([old_root[0] ^ 1]) + old_root[1:]
    else:
        new_root = bytes([new_root[0] ^ 1]) + new_root[1:]
    with pytest.raises(MerkleError):
        verify_consistency(old, size, proof, old_root, new_root)


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        lambda leaves, off: max(0, leaves * FIRST_LEAF + off), st.integers(0, 3), st.integers(-200, 60)
    ),
    st.integers(0, 2**20),
)
def test_payload_root_is_the_same_in_any_pieces(size: int, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - test data
    data = dice.randbytes(size)
    seen: list[bytes] = []
    hasher = PayloadHasher(lambda index, leaf: seen.insert(index, leaf))
    start = 0
    while start < size:
        piece = dice.choice([1, 1000, 100_000, FIRST_LEAF, 3 * FIRST_LEAF])
        hasher.update(memoryview(data)[start : start + piece])
        start += piece
    root = hasher.finish()
    expected = []
    for index in range(leaf_count(size)):
        first, end = leaf_range(index, size)
        expected.append(leaf_hash(data[first:end]))
    assert seen == expected
    assert hasher.size == size
    assert root == Tree(expected).root()
