"""RFC 6962 known answers (the reference tree of the certificate-transparency project) and leaf arithmetic."""

from __future__ import annotations

import hashlib

import pytest

from ledger.crypto.chunked import HEADER, SEALED_BLOCK
from ledger.crypto.merkle import (
    EMPTY_ROOT,
    FIRST_LEAF,
    BadProof,
    LeafOutOfRange,
    PayloadHasher,
    RootBuilder,
    RootMismatch,
    Tree,
    leaf_count,
    leaf_hash,
    leaf_range,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves of the reference implementation's test tree, and its roots at sizes 1 to 8.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
TREE = Tree(HASHES)


def test_roots_of_the_reference_tree() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    builder = RootBuilder()
    assert builder.root() == EMPTY_ROOT == TREE.root(0)
    for size, root in enumerate(ROOTS, start=1):
        builder.append(HASHES[size - 1])
        assert builder.root() == root
        assert TREE.root(size) == root


def test_paths_written_out_in_rfc_6962_section_2_1_3() -> None:
    """The example of the standard: seven leaves d0..d6; g = d0|d1, k = g|h and so on."""
    a, b, c, d, e, f, j = HASHES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, tail = node_hash(g, h), node_hash(i, j)
    assert TREE.root(7) == node_hash(k, tail)
    assert TREE.inclusion_proof(0, 7) == [b, h, tail]
    assert TREE.inclusion_proof(3, 7) == [c, g, tail]
    assert TREE.inclusion_proof(4, 7) == [f, j, k]
    assert TREE.inclusion_proof(6, 7) == [i, k]
    assert TREE.consistency_proof(3, 7) == [c, d, g, tail]
    assert TREE.consistency_proof(4, 7) == [tail]
    assert TREE.consistency_proof(6, 7) == [i, j, k]
    assert TREE.consistency_proof(0, 7) == TREE.consistency_proof(7, 7) == []


def test_threat_C20_a_node_never_passes_for_a_leaf() -> None:
    pair = HASHES[0] + HASHES[1]
    assert leaf_hash(pair) != node_hash(HASHES[0], HASHES[1])
    with pytest.raises(RootMismatch):
        verify_inclusion(leaf_hash(pair), 0, 1, [], TREE.root(2))


def test_threat_C20_proofs_of_the_wrong_length() -> None:
    proof = TREE.inclusion_proof(3, 7)
    for bad in (proof[:-1], [*proof, proof[0]], [], [*proof[:-1], b"short"], [*proof[:-1], bytes(33)]):
        with pytest.raises(BadProof):
            verify_inclusion(HASHES[3], 3, 7, bad, ROOTS[6])
    with pytest.raises(BadProof, match="too long"):
        verify_inclusion(HASHES[0], 0, 1, [bytes(32)], HASHES[0])
    proof = TREE.consistency_proof(3, 7)
    for bad in (proof[:-1], [*proof, proof[0]], [], [*proof[:-1], b"short"]):
        with pytest.raises(BadProof):
            verify_consistency(3, 7, bad, ROOTS[2], ROOTS[6])
    for old in (0, 7):
        with pytest.raises(BadProof, match="too long"):
            verify_consistency(old, 7, [bytes(32)], TREE.root(old), ROOTS[6])


def test_threat_C20_a_log_that_shrinks_forks_or_starts_anew() -> None:
    with pytest.raises(LeafOutOfRange):
        verify_consistency(7, 6, [], ROOTS[6], ROOTS[5])
    with pytest.raises(LeafOutOfRange):
        verify_consistency(-1, 6, [], EMPTY_ROOT, ROOTS[5])
    with pytest.raises(RootMismatch):
        verify_consistency(7, 7, [], ROOTS[6], ROOTS[5])
    with pytest.raises(RootMismatch):
        verify_consistency(0, 7, [], ROOTS[0], ROOTS[6])
    with pytest.raises(RootMismatch):
        verify_consistency(0, 0, [], EMPTY_ROOT, ROOTS[0])
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    verify_consistency(0, 7, [], EMPTY_ROOT, ROOTS[6])
    fork = Tree([*HASHES[:2], leaf_hash(b"other"), *HASHES[3:]])
    for size in (4, 7, 8):
        with pytest.raises(RootMismatch):
            verify_consistency(3, size, fork.consistency_proof(3, size), ROOTS[2], fork.root(size))


def test_positions_outside_the_tree() -> None:
    for index, size in ((-1, 7), (7, 7), (0, 0)):
        with pytest.raises(LeafOutOfRange):
            verify_inclusion(HASHES[0], index, size, [], ROOTS[6])
        with pytest.raises(LeafOutOfRange):
            TREE.inclusion_proof(index, size)
    for call in (
        lambda: TREE.root(9),
        lambda: TREE.root(-1),
        lambda: TREE.leaf(8),
        lambda: TREE.consistency_proof(8, 7),
    ):
        with pytest.raises(LeafOutOfRange):
            call()
    with pytest.raises(BadProof):
        Tree([b"not a hash"])


def test_leaves_of_a_payload_tile_it() -> None:
    assert FIRST_LEAF == HEADER + SEALED_BLOCK
    for total, leaves in (
        (0, 0),
        (1, 1),
        (FIRST_LEAF, 1),
        (FIRST_LEAF + 1, 2),
        (FIRST_LEAF + SEALED_BLOCK, 2),
        (FIRST_LEAF + SEALED_BLOCK + 1, 3),
    ):
        assert leaf_count(total) == leaves
        ranges = [leaf_range(index, total) for index in range(leaves)]
        assert [start for start, _ in ranges] == [0, *(end for _, end in ranges)][:leaves]
        assert not ranges or ranges[-1][1] == total
        with pytest.raises(LeafOutOfRange):
            leaf_range(leaves, total)
    with pytest.raises(LeafOutOfRange):
        leaf_range(-1, 100)
    with pytest.raises(ValueError, match="negative"):
        leaf_count(-1)


def test_payload_hasher_at_the_border_of_the_first_leaf() -> None:
    data = bytes(range(256)) * (FIRST_LEAF // 256 + 1)
    one, two = PayloadHasher(), PayloadHasher()
    one.update(data[:FIRST_LEAF])
    assert one.finish() == leaf_hash(data[:FIRST_LEAF]) == one.finish()
    two.update(data[: FIRST_LEAF + 1])
    assert two.finish() == node_hash(leaf_hash(data[:FIRST_LEAF]), leaf_hash(data[FIRST_LEAF:][:1]))
    assert (two.size, PayloadHasher().finish()) == (FIRST_LEAF + 1, hashlib.sha256().digest())
    with pytest.raises(ValueError, match="finished"):
        one.update(b"more")
