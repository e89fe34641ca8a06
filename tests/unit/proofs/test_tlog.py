"""Transparency logs: formats against published examples, and every way to tamper with one (threat S19)."""

import base64
import hashlib
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.crypto.merkle import (
    EMPTY_ROOT,
    MerkleError,
    RootBuilder,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from ledger.proofs import tlog
from ledger.proofs.tlog import (
    WIDTH,
    BadCheckpoint,
    BadNote,
    BadTile,
    Checkpoint,
    LogMismatch,
    LogShrunk,
    Verifier,
    fsck,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
ORIGIN = "exchange.example/access"
VERIFIER = Verifier(ORIGIN, KEY.public_key().public_bytes_raw())

# golang.org/x/mod/sumdb/note, package documentation
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def checkpoint(entries: list[bytes]) -> Checkpoint:
    return Checkpoint(ORIGIN, len(entries), root(entries))


def root(entries: list[bytes]) -> bytes:
    builder = RootBuilder()
    for entry in entries:
        builder.append(leaf_hash(entry))
    return builder.root()


def log(size: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(size)]


def test_a_note_that_others_signed() -> None:
    verifier = Verifier.parse(GO_KEY)
    assert str(verifier) == GO_KEY
    assert verifier.open(GO_NOTE).startswith("If you think")
    for at in range(len(GO_NOTE)):
        with pytest.raises(BadNote):
            verifier.open(GO_NOTE[:at] + bytes([GO_NOTE[at] ^ 1]) + GO_NOTE[at + 1 :])
    for text in (
        "",
        "a",
        "a+b+c",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY[:-4] + "AAAA",
        GO_KEY + "=",
    ):
        with pytest.raises(BadNote):
            Verifier.parse(text)


def test_what_is_no_verifier() -> None:
    for name, key in (("a b", VERIFIER.key), ("a+b", VERIFIER.key), ("", VERIFIER.key), ("a", bytes(31))):
        with pytest.raises(BadNote, match="neither space nor plus"):
            Verifier(name, key)


def test_a_key_whose_base64_has_a_plus() -> None:
    key = next(n.to_bytes(32) for n in range(1 << 16) if "+" in str(Verifier("a", n.to_bytes(32)))[11:])
    assert Verifier.parse(str(Verifier("a", key))) == Verifier("a", key)


def signed(text: str) -> bytes:
    """Any text, signed under the log's name."""
    blob = base64.b64encode(VERIFIER.id + KEY.sign(text.encode())).decode()
    return f"{text}\n— {ORIGIN} {blob}\n".encode()


def test_a_notes_text_may_have_empty_lines_and_its_signatures_one_form() -> None:
    assert VERIFIER.open(signed("a\n\nb\n")) == "a\n\nb\n"
    whole = signed("a\n").decode()
    for bad in (
        whole.replace("— ", "- "),
        whole.replace(f"— {ORIGIN} ", "—  "),
        whole[:-2] + "!\n",
        whole[:-1] + "=\n",
        whole.replace(f"{ORIGIN} ", f"{ORIGIN} \t"),
    ):
        with pytest.raises(BadNote):
            VERIFIER.open(bad.encode())


def test_a_checkpoint_is_of_the_log_that_signed_it() -> None:
    root_ = base64.b64encode(bytes(32)).decode()
    assert Checkpoint.open(signed(f"{ORIGIN}\n3\n{root_}\nmore\n"), VERIFIER).size == 3
    for text in (f"another\n3\n{root_}\n", f"{ORIGIN}\n3\n", f"{ORIGIN}\n-3\n{root_}\n"):
        with pytest.raises(BadCheckpoint, match="origin, the size, the root"):
            Checkpoint.open(signed(text), VERIFIER)
    for digest in (bytes(31), bytes(33)):
        with pytest.raises(BadCheckpoint, match="32 bytes"):
            Checkpoint.open(signed(f"{ORIGIN}\n3\n{base64.b64encode(digest).decode()}\n"), VERIFIER)


def test_a_note_with_other_signatures_too() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    note = checkpoint(log(3)).sign(KEY)
    witness = Checkpoint("witness", 3, root(log(3))).sign(other).rpartition(b"\n\n")[2]
    assert Checkpoint.open(note + witness, VERIFIER) == checkpoint(log(3))
    with pytest.raises(BadNote):
        VERIFIER.open(note.rpartition(b"\n\n")[0] + b"\n\n" + witness)
    with pytest.raises(BadNote):
        Verifier("another", VERIFIER.key).open(note)


def test_checkpoints() -> None:
    made = checkpoint(log(1000))
    assert Checkpoint.open(made.sign(KEY), VERIFIER) == made
    for origin, size, digest in (("other", 3, bytes(32)), (ORIGIN, 3, bytes(31))):
        with pytest.raises((BadCheckpoint, BadNote)):
            Checkpoint.open(Checkpoint(origin, size, digest).sign(KEY), VERIFIER)
    with pytest.raises(BadCheckpoint):
        Checkpoint.open(Checkpoint(ORIGIN, "03", bytes(32)).sign(KEY), VERIFIER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 5, 112, "tile/1/005.p/112"),
        (None, 273, 256, "tile/entries/273"),
        (None, 1000, 1, "tile/entries/x001/000.p/1"),
    ],
)
def test_paths(level: int | None, index: int, width: int, path: str) -> None:
    assert tlog.tile_path(level, index, width) == path
    assert tlog.parse_tile_path(path) == (level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/00", "tile/0/0000", "tile/00/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/000.p/0"),
        *("tile/0/000.p/256", "tile/0/000.p/01", "tile/x/000", "tile/0/../000", "tile/0/000/", "checkpoint"),
        *("tile/60/000", "tile/0/٠٠٠"),
    ],
)
def test_no_paths(path: str) -> None:
    with pytest.raises(BadTile):
        tlog.parse_tile_path(path)


def test_entries() -> None:
    assert tlog.decode_entries(tlog.encode_entries([b"one", b""]), 2) == [b"one", b""]
    assert (tlog.encode_entries([]), tlog.decode_entries(b"", 0)) == (b"", [])
    entries = [b"", b"one", b"x" * tlog.LARGEST]
    data = tlog.encode_entries(entries)
    assert data[:7] == b"\0\0\0\3one"
    assert tlog.decode_entries(data, 3) == entries
    for bad, width in ((data[:-1], 3), (data + b"\0", 3), (data, 2), (data, 4)):
        with pytest.raises(BadTile):
            tlog.decode_entries(bad, width)
    with pytest.raises(BadTile):
        tlog.encode_entries([b"x" * (tlog.LARGEST + 1)])


def edges(hashes: list[bytes]) -> list[list[bytes]]:
    """The partial tiles of each level, as a log keeps them."""
    found = []
    while hashes:
        whole = len(hashes) // WIDTH * WIDTH
        found.append(hashes[whole:])
        hashes = [tlog.root_of_tile(hashes[at : at + WIDTH]) for at in range(0, whole, WIDTH)]
    return found


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 70_000])
def test_the_root_from_the_partial_tiles(size: int) -> None:
    entries = log(size)
    assert tlog.root(edges([leaf_hash(entry) for entry in entries])) == root(entries)
    assert size or root(entries) == EMPTY_ROOT == hashlib.sha256().digest()


def test_which_tiles_hold_which_entries() -> None:
    assert list(tlog.tiles(0, 0)) == []
    assert list(tlog.tiles(0, 1)) == [(0, 1)]
    assert list(tlog.tiles(255, 513)) == [(0, 256), (1, 256), (2, 1)]
    assert list(tlog.tiles(256, 512)) == [(1, 256)]


def test_a_tree_is_made_of_the_tiles_that_there_are() -> None:
    hashes = [leaf_hash(entry) for entry in log(257)]
    for size, paths in ((1, ["tile/0/000.p/1"]), (257, ["tile/0/000", "tile/0/001.p/1"])):
        asked: list[str] = []

        def fetch(path: str, asked: list[str] = asked) -> bytes:
            asked.append(path)
            return b"".join(hashes[slice(*_span(path))])

        assert tlog.proof_tree(size, fetch).root() == root(log(size))
        assert asked == paths


def test_proofs_from_tiles() -> None:
    entries, random_ = log(1000), random.Random(1)  # noqa: S311
    hashes = [leaf_hash(entry) for entry in entries]

    def fetch(path: str) -> bytes:
        level, index, width = tlog.parse_tile_path(path)
        assert level == 0
        return b"".join(hashes[index * WIDTH : index * WIDTH + width])

    tree = tlog.proof_tree(1000, fetch)
    assert tree.root() == root(entries)
    for _ in range(50):
        index, old = random_.randrange(1000), random_.randrange(1001)
        verify_inclusion(hashes[index], index, 1000, tree.inclusion_proof(index), root(entries))
        proof = tree.consistency_proof(old)
        verify_consistency(old, 1000, proof, root(entries[:old]), root(entries))
    with pytest.raises(BadTile):
        tlog.proof_tree(1000, lambda path: fetch(path)[:-1])


def test_threat_S19_edit_delete_insert_truncate_and_fork() -> None:
    entries = log(300)
    known = {size: root(entries[:size]) for size in (0, 1, 100, 256)}
    honest = checkpoint(entries)
    fsck(entries, honest, known)
    fsck(entries, honest, {})
    fsck(entries, honest, {300: honest.root})
    fsck([], checkpoint([]), {})
    with pytest.raises(LogMismatch, match="the 299 of the checkpoint"):
        fsck(entries, checkpoint(entries[:299]), {})
    with pytest.raises(LogMismatch, match="first 0 entries are sound; among the next 300"):
        fsck([b"another", *entries[1:]], honest, {})
    with pytest.raises(LogMismatch, match="first 100 entries are sound; among the next 156"):
        fsck([*entries[:100], b"another", *entries[101:]], honest, known)
    for at in (0, 1, 99, 100, 255, 256, 299):
        edited = [*entries[:at], b"another", *entries[at + 1 :]]
        deleted = [*entries[:at], *entries[at + 1 :]]
        inserted = [*entries[:at], b"another", *entries[at:]]
        for altered in (edited, deleted, inserted):
            with pytest.raises(LogMismatch):
                fsck(altered, honest, known)
            if at < 256:  # signed anew: what was anchored before tells
                with pytest.raises(LogMismatch):
                    fsck(altered, checkpoint(altered), known)
    for size in (0, 1, 100, 255):
        with pytest.raises(LogShrunk):
            fsck(entries[:size], checkpoint(entries[:size]), known)
        with pytest.raises(LogShrunk):
            fsck(entries[:size], honest, known)
    fork = [*entries[:200], *(b"fork %d" % n for n in range(100))]
    with pytest.raises(LogMismatch, match="first 100 entries are sound"):
        fsck(fork, checkpoint(fork), known)
    with pytest.raises(LogMismatch):
        fsck(entries, checkpoint(fork), known)
    with pytest.raises(LogMismatch):
        fsck(entries, honest, {300: root(fork)})


def test_threat_S19_no_consistency_between_forks() -> None:
    entries, fork = log(300), [*log(200), *log(150)]
    hashes = [leaf_hash(entry) for entry in fork]
    tree = tlog.proof_tree(350, lambda path: b"".join(hashes[slice(*_span(path))]))
    with pytest.raises(MerkleError):
        verify_consistency(300, 350, tree.consistency_proof(300), root(entries), tree.root())


def _span(path: str) -> tuple[int, int]:
    _, index, width = tlog.parse_tile_path(path)
    return index * WIDTH, index * WIDTH + width
