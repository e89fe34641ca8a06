"""Tries: ethereum/tests' roots, every shape of node by hand, and proofs tampered with in every way."""

from collections.abc import Callable

import pytest

from ledger.proofs import mpt, rlp
from ledger.proofs.keccak import keccak
from ledger.proofs.mpt import (
    BadNode,
    KeyAbsent,
    KeyPresent,
    NodeMismatch,
    ProofTooShort,
    SurplusNodes,
    Trie,
    TrieError,
    ValueMismatch,
    prove,
    verify_absence,
    verify_inclusion,
)
from ledger.proofs.rlp import Encodable


def as_bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


TRIE_TESTS: dict[
    str, tuple[dict[str, str], str]
] = {  # TrieTests/*.json of ethereum/tests, net of overwriting
    "emptyValues": (
        {"do": "verb", "horse": "stallion", "doge": "coin", "dog": "puppy", "ether": "", "shaman": ""},
        "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84",
    ),
    "jeff": (
        {
            "0x" + "00" * 31 + "45": "0x22b224a1420a802ab51d326e29fa98e34c4f24ea",
            "0x" + "00" * 31 + "46": "0x67706c2076330000000000000000000000000000000000000000000000000000",
            "0x000000000000000000000000697c7b8c961b56f675d570498424ac8de1a918f6": (
                "0x6f6f6f6820736f2067726561742c207265616c6c6c793f000000000000000000"
            ),
            "0x0000000000000000000000007ef9e639e2733cb34e4dfc576d4b23f72db776b2": (
                "0x4655474156000000000000000000000000000000000000000000000000000000"
            ),
            "0x000000000000000000000000ec4f34c97e43fbb2816cfd95e388353c7181dab1": (
                "0x4e616d6552656700000000000000000000000000000000000000000000000000"
            ),
            "0x4655474156000000000000000000000000000000000000000000000000000000": (
                "0x7ef9e639e2733cb34e4dfc576d4b23f72db776b2"
            ),
            "0x4e616d6552656700000000000000000000000000000000000000000000000000": (
                "0xec4f34c97e43fbb2816cfd95e388353c7181dab1"
            ),
            "0x6f6f6f6820736f2067726561742c207265616c6c6c793f000000000000000000": (
                "0x697c7b8c961b56f675d570498424ac8de1a918f6"
            ),
        },
        "9f6221ebb8efe7cff60a716ecb886e67dd042014be444669f0159d8e68b42100",
    ),
    "insert-middle-leaf": (
        {
            "key1aa": "0123456789012345678901234567890123456789xxx",
            "key1": "0123456789012345678901234567890123456789Very_Long",
            "key2bb": "aval3",
            "key2": "short",
            "key3cc": "aval3",
            "key3": "1234567890123456789012345678901",
        },
        "cb65032e2f76c48b82b5c24b3db8f670ce73982869d38cd39a624f23d62a9e89",
    ),
    "branchingTests": ({}, "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
}

SECURE_TEST = {  # TrieTests/hex_encoded_securetrie_test.json, test1
    "a94f5374fce5edbc8e2a8697c15331677e6ebf0b": (
        "f848018405f446a7a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        "a0c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    ),
    "095e7baea6a6c7c4c2dfeb977efac326af552d87": (
        "f8440101a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        "a004bccc5d94f4d1f99aab44369a910179931772f2a5c001c3229f57831c102769"
    ),
    "d2571607e241ecf590ed94b12d87c94babe36db6": (
        "f8440180a0ba4b47865c55a341a4a78759bb913cd15c3ee8eaf30a62fa8d1c8863113d84e8"
        "a0c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    ),
    "62c01474f089b07dae603491675dc5b5748f7049": (
        "f8448080a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        "a0c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    ),
    "2adc25665018aa1fe0e6bc666dac8fc2697ff9ba": (
        "f8478083019a59a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        "a0c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    ),
}


@pytest.mark.parametrize(("entries", "root"), TRIE_TESTS.values(), ids=TRIE_TESTS)
def test_official_roots(entries: dict[str, str], root: str) -> None:
    trie = Trie({as_bytes(key): as_bytes(value) for key, value in entries.items()})
    assert trie.root.hex() == root
    for key, value in entries.items():
        proof = trie.proof(as_bytes(key))
        assert prove(trie.root, as_bytes(key), proof) == (as_bytes(value) or None) == trie.get(as_bytes(key))


def test_official_secure_root() -> None:
    trie = Trie({mpt.secure(bytes.fromhex(k)): bytes.fromhex(v) for k, v in SECURE_TEST.items()})
    assert trie.root.hex() == "730a444e08ab4b8dee147c9b232fc52d34a223d600031c1e9d25bfc985cbd797"


def test_index_keys_are_rlp() -> None:
    assert [mpt.index_key(i).hex() for i in (0, 1, 127, 128, 256)] == ["80", "01", "7f", "8180", "820100"]


def test_the_empty_trie_proves_by_itself() -> None:
    verify_absence(mpt.EMPTY_ROOT, b"any", [])
    with pytest.raises(KeyAbsent):
        verify_inclusion(mpt.EMPTY_ROOT, b"any", b"", [])
    with pytest.raises(SurplusNodes):
        verify_absence(mpt.EMPTY_ROOT, b"any", [b"\x80"])


def test_proofs_from_rpc() -> None:
    assert mpt.proof_from_rpc(["0x8000", "0xC0"]) == [b"\x80\0", b"\xc0"]
    assert mpt.proof_from_rpc(["0x80"]) == mpt.proof_from_rpc([]) == []
    for refused in (None, "0x80", ["80"], ["0x8"], [b"\x80"], [None]):
        with pytest.raises(BadNode):
            mpt.proof_from_rpc(refused)


# Every shape: extension, branch, branch with a value, embedded leaf and branch, odd and even paths.
ENTRIES = {
    bytes.fromhex(key): value
    for key, value in {
        "10": b"a value at a branch, thirty-two bytes or more",
        "1012": b"x",
        "1013": b"y",
        "10ab12": b"z" * 40,
        "20abcd12": b"v" * 30,
        "20abcd34": b"w" * 50,
        "2a": b"s",
        "3fffff": b"long enough not to be embedded anywhere",
    }.items()
}
TRIE = Trie(ENTRIES)
ABSENT = [
    bytes.fromhex(key)
    for key in ("", "00", "1011", "101200", "20ab", "20ff", "20abcd1200", "3f", "3fffee", "ff")
]


@pytest.mark.parametrize("key", ENTRIES, ids=bytes.hex)
def test_inclusion(key: bytes) -> None:
    verify_inclusion(TRIE.root, key, ENTRIES[key], TRIE.proof(key))
    with pytest.raises(ValueMismatch):
        verify_inclusion(TRIE.root, key, ENTRIES[key] + b"!", TRIE.proof(key))
    with pytest.raises(KeyPresent):
        verify_absence(TRIE.root, key, TRIE.proof(key))


@pytest.mark.parametrize("key", ABSENT, ids=bytes.hex)
def test_absence(key: bytes) -> None:
    verify_absence(TRIE.root, key, TRIE.proof(key))
    with pytest.raises(KeyAbsent):
        verify_inclusion(TRIE.root, key, b"", TRIE.proof(key))


def test_an_empty_value_is_no_entry() -> None:
    assert Trie({**ENTRIES, b"gone": b""}).root == TRIE.root
    assert Trie({b"gone": b""}).root == mpt.EMPTY_ROOT


@pytest.mark.parametrize("key", [*ENTRIES, *ABSENT], ids=bytes.hex)
def test_threat_S20_nodes_dropped_added_swapped(key: bytes) -> None:
    proof = TRIE.proof(key)
    with pytest.raises(ProofTooShort):
        prove(TRIE.root, key, proof[:-1])
    for surplus in (proof[-1], b"", b"\x80", keccak(b"")):
        with pytest.raises(SurplusNodes):
            prove(TRIE.root, key, [*proof, surplus])
    for i in range(len(proof)):
        with pytest.raises(TrieError):
            prove(TRIE.root, key, proof[:i] + proof[i + 1 :])
        with pytest.raises(TrieError):
            prove(TRIE.root, key, [*proof[:i], proof[i], *proof[i:]])
    if len(proof) > 1:
        with pytest.raises(NodeMismatch):
            prove(TRIE.root, key, proof[::-1])


@pytest.mark.parametrize("key", [*ENTRIES, *ABSENT], ids=bytes.hex)
def test_threat_S20_every_byte_flipped(key: bytes) -> None:
    proof = TRIE.proof(key)
    for i, node in enumerate(proof):
        for at in range(len(node)):
            for flip in (1, 0x80, 0xFF):
                spoiled = node[:at] + bytes([node[at] ^ flip]) + node[at + 1 :]
                with pytest.raises(NodeMismatch):
                    prove(TRIE.root, key, [*proof[:i], spoiled, *proof[i + 1 :]])


def test_another_root_or_key() -> None:
    proof = TRIE.proof(b"\x2a")
    with pytest.raises(NodeMismatch):
        prove(keccak(b"another"), b"\x2a", proof)
    with pytest.raises(TrieError):
        prove(TRIE.root, b"\x3f\xff\xff", proof)


# Nodes that hash to what their parent says, and still are none: a chain that works makes no such.

LONG = b"v" * 40
LEAF: list[Encodable] = [bytes.fromhex("3a"), LONG]  # nibble a
HASHED = keccak(rlp.encode(LEAF))


def branch(children: dict[int, Encodable], value: Encodable = b"") -> list[Encodable]:
    return [children.get(i, b"") for i in range(16)] + [value]


def check(key: str, *nodes: Encodable) -> bytes | None:
    proof = [rlp.encode(node) for node in nodes]
    return prove(keccak(proof[0]), bytes.fromhex(key), proof)


def test_nodes_by_hand() -> None:
    assert check("1a", [bytes.fromhex("201a"), LONG]) == LONG
    assert check("1b", [bytes.fromhex("201a"), LONG]) is None
    assert check("1a00", [bytes.fromhex("201a"), LONG]) is None
    assert check("1a", branch({1: HASHED, 2: HASHED}), LEAF) == LONG
    assert check("3a", branch({1: HASHED, 2: HASHED})) is None
    assert check("", branch({1: HASHED}, LONG)) == LONG
    assert check("", branch({1: HASHED, 2: HASHED})) is None
    assert check("1a", branch({1: [b"\x3a", b"short"], 2: HASHED})) == b"short"
    below = branch({10: [b"\x20", b"a"], 11: [b"\x20", b"b"]})
    assert check("1a", [b"\x11", below]) == b"a"
    assert check("1c", [b"\x11", below]) is None
    assert check("2a", [b"\x11", below]) is None
    assert check("", [b"\x11", below]) is None
    assert check("1a", branch(dict.fromkeys(range(16), HASHED)), LEAF) == LONG
    assert check("", branch(dict.fromkeys(range(16), HASHED))) is None


BROKEN: dict[str, tuple[str, list[Encodable]]] = {
    "a string": ("1a", [LONG]),
    "an empty list": ("1a", [[]]),
    "one item": ("1a", [[LONG]]),
    "three items": ("1a", [[b"\x20", LONG, b""]]),
    "sixteen items": ("1a", [branch({1: HASHED, 2: HASHED})[:16]]),
    "eighteen items": ("1a", [[*branch({1: HASHED, 2: HASHED}), b""]]),
    "a path of no nibbles at all": ("1a", [[b"", LONG]]),
    "hex-prefix flag 4": ("1a", [[bytes.fromhex("401a"), LONG]]),
    "hex-prefix flag 2 with a nibble": ("1a", [[bytes.fromhex("211a"), LONG]]),
    "hex-prefix flag 0 with a nibble": ("1a", [[bytes.fromhex("011a"), HASHED]]),
    "a path that is a list": ("1a", [[[b"\x20"], LONG]]),
    "a leaf without value": ("1a", [[bytes.fromhex("201a"), b""]]),
    "a leaf whose value is a list": ("1a", [[bytes.fromhex("201a"), [b"a", b"b"]]]),
    "a leaf elsewhere whose value is a list": ("2a", [[bytes.fromhex("201a"), [b"a", b"b"]]]),
    "an extension without nibbles": ("1a", [[b"\0", HASHED], LEAF]),
    "an extension without a child": ("1a", [[b"\x11", b""]]),
    "an extension to a short string": ("1a", [[b"\x11", b"\1" * 31]]),
    "an extension elsewhere to a short string": ("2a", [[b"\x11", b"\1" * 31]]),
    "an extension to a leaf": ("1a", [[b"\x11", HASHED], LEAF]),
    "an extension to an embedded leaf": ("1a", [[b"\x11", [b"\x3a", b"a"]]]),
    "an extension to an extension": (
        "1a",
        [[b"\x11", [b"\x1a", branch({1: [b"\x20", b"a"], 2: [b"\x20", b"b"]})]]],
    ),
    "a branch with nothing": ("1a", [branch({})]),
    "a branch with one child": ("1a", [branch({1: HASHED}), LEAF]),
    "a branch with a value only": ("", [branch({}, LONG)]),
    "a child of 31 bytes": ("1a", [branch({1: HASHED[:31], 2: HASHED})]),
    "a child of 33 bytes": ("1a", [branch({1: HASHED + b"\0", 2: HASHED})]),
    "another child of 31 bytes": ("1a", [branch({1: HASHED, 2: HASHED[:31]}), LEAF]),
    "a value that is a list": ("1a", [branch({1: HASHED}, [b"a"]), LEAF]),
    "a value of this key that is a list": ("", [branch({1: HASHED}, [b"a"])]),
    "an embedded node of 32 bytes": ("1a", [branch({1: [b"\x3a", b"v" * 27 + b"!!"], 2: HASHED})]),
    "another embedded node of 32 bytes": ("1a", [branch({1: HASHED, 2: [b"\x3a", b"v" * 30]}), LEAF]),
    "a hashed node of 31 bytes": (
        "1a",
        [branch({1: keccak(rlp.encode([b"\x3a", b"v" * 28])), 2: HASHED}), [b"\x3a", b"v" * 28]],
    ),
}


@pytest.mark.parametrize(("key", "nodes"), BROKEN.values(), ids=BROKEN)
def test_threat_S20_what_is_no_node(key: str, nodes: list[Encodable]) -> None:
    with pytest.raises(BadNode):
        check(key, *nodes)


@pytest.mark.parametrize(
    "spoil",
    [lambda n: n + b"\0", lambda n: n[:-1], lambda n: b"\xf9\0" + bytes([len(n) - 2]) + n[2:], lambda n: b""],
)
def test_threat_S20_nodes_that_are_not_canonical(spoil: Callable[[bytes], bytes]) -> None:
    node = spoil(rlp.encode([bytes.fromhex("201a"), b"v" * 100]))
    with pytest.raises(BadNode):
        prove(keccak(node), b"\x1a", [node])


def test_a_full_branch_is_read_like_any_other() -> None:
    """Those of 16 hashes take a short cut; what only looks like one must not."""
    full = branch({i: keccak(bytes([i])) for i in range(16)})
    encoded = rlp.encode(full)
    assert len(encoded) == 532
    for i in range(16):
        with pytest.raises(ProofTooShort):
            prove(keccak(encoded), bytes([i << 4]), [encoded])
        with pytest.raises(NodeMismatch):
            prove(keccak(encoded), bytes([i << 4]), [encoded, rlp.encode(LEAF)])
    for at in (0, 1, 2, *range(3, 532, 33)):
        spoiled = encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1 :]
        if at != 531:  # there, an empty value becomes a list
            with pytest.raises(BadNode):
                prove(keccak(spoiled), b"\x00", [spoiled])
    with pytest.raises(BadNode):
        prove(keccak(encoded[:-1] + b"\xc0"), b"\x00", [encoded[:-1] + b"\xc0"])
    with pytest.raises(ProofTooShort):
        prove(keccak(encoded[:-1] + b"\x07"), b"\x00", [encoded[:-1] + b"\x07"])


def test_a_proof_as_a_node_gives_it() -> None:
    assert mpt.proof_from_rpc(["0xc180", "0x80"]) == [b"\xc1\x80", b"\x80"]
    assert mpt.proof_from_rpc([]) == mpt.proof_from_rpc(["0x80"]) == []
    for refused, words in (({}, "a proof is a list of nodes"), (["c180"], "not bytes: 'c180'")):
        with pytest.raises(BadNode) as error:
            mpt.proof_from_rpc(refused)
        assert str(error.value) == words


def test_what_is_proven_otherwise_is_named_by_its_key() -> None:
    trie = Trie({b"\1\2": b"value"})
    verify_inclusion(trie.root, b"\1\2", b"value", trie.proof(b"\1\2"))
    with pytest.raises(ValueMismatch, match=r"^0x0102 is proven to have another value$"):
        verify_inclusion(trie.root, b"\1\2", b"other", trie.proof(b"\1\2"))
    with pytest.raises(KeyAbsent, match=r"^0x0103 is proven to be absent$"):
        verify_inclusion(trie.root, b"\1\3", b"value", trie.proof(b"\1\3"))
