import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ledger.crypto.chunked import (
    BLOCK,
    SEALED_BLOCK,
    Extended,
    Truncated,
    WrongContext,
    WrongKey,
    payload_context,
)
from ledger.crypto.merkle import FIRST_LEAF, PayloadHasher, leaf_range
from ledger.crypto.stream import Encryptor
from ledger.crypto.verified import (
    LEAF,
    BlockReordered,
    BlockSwapped,
    VerifiedReader,
    WrongLeaves,
    check_context,
)

CONTEXT = b"the context"
KEY = b"\x07" * 32


@dataclass(frozen=True)
class Listed:
    plaintext: bytes
    ciphertext: bytes
    leaves: bytes
    root: bytes

    def reader(
        self, *, key: bytes = KEY, context: bytes = CONTEXT, leaves: bytes | None = None
    ) -> VerifiedReader:
        return VerifiedReader(
            data_key=key,
            context=context,
            root=self.root,
            size=len(self.ciphertext),
            leaves=self.leaves if leaves is None else leaves,
        )

    def block(self, index: int) -> bytes:
        start, end = leaf_range(index, len(self.ciphertext))
        return self.ciphertext[start:end]


def listed(size: int) -> Listed:
    plaintext = os.urandom(size)
    encryptor = Encryptor(KEY, CONTEXT)
    ciphertext = bytes(encryptor.update(plaintext) + encryptor.finish())
    leaves = bytearray()
    hasher = PayloadHasher(lambda _, leaf: leaves.extend(leaf))
    hasher.update(ciphertext)
    root = hasher.finish()
    return Listed(plaintext, ciphertext, bytes(leaves), root)


FOUR = listed(3 * BLOCK + 5000)


def read(reader: VerifiedReader, body: bytes, out: bytearray, piece: int = 300_000) -> None:
    for at in range(0, len(body), piece):
        for plain in reader.update(body[at : at + piece]):
            out += plain
    reader.finish()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
@pytest.mark.parametrize("piece", [65_537, 1 << 20, 10 << 20])
def test_what_was_listed_is_read(size: int, piece: int) -> None:
    payload, out = listed(size), bytearray()
    read(payload.reader(), payload.ciphertext, out, piece)
    assert out == payload.plaintext


def test_after_a_cut_reading_goes_on_at_the_block_that_was_cut() -> None:
    reader, out = FOUR.reader(), bytearray()
    for plain in reader.update(FOUR.ciphertext[: FIRST_LEAF + SEALED_BLOCK + 77]):
        out += plain
    assert reader.cut() == FIRST_LEAF + SEALED_BLOCK
    read(reader, FOUR.ciphertext[reader.position :], out)
    assert out == FOUR.plaintext
    assert reader.position == len(FOUR.ciphertext)


def _flip(at: int) -> bytes:
    changed = bytearray(FOUR.ciphertext)
    changed[at] ^= 1
    return bytes(changed)


def _order(*indices: int) -> bytes:
    return b"".join(FOUR.block(index) for index in indices)


OTHER = listed(3 * BLOCK + 5000)


@pytest.mark.parametrize(
    ("body", "error", "blocks"),
    [
        (lambda: FOUR.ciphertext[:-1], Truncated, 3),
        (lambda: FOUR.ciphertext[: FIRST_LEAF + 5], Truncated, 1),
        (lambda: b"", Truncated, 0),
        (lambda: FOUR.ciphertext + b"\0", Extended, 4),
        (lambda: OTHER.ciphertext, BlockSwapped, 0),
        (lambda: FOUR.block(0) + OTHER.block(1) + FOUR.block(2) + FOUR.block(3), BlockSwapped, 1),
        (lambda: _flip(0), BlockSwapped, 0),
        (lambda: _flip(FIRST_LEAF), BlockSwapped, 1),
        (lambda: _flip(len(FOUR.ciphertext) - 1), BlockSwapped, 3),
        (lambda: _order(0, 2, 1, 3), BlockReordered, 1),
        (lambda: _order(1, 0, 2, 3), BlockReordered, 0),
        (lambda: _order(0, 3, 1, 2), BlockReordered, 1),
        (lambda: _order(0, 1, 1, 2, 3), BlockReordered, 2),
    ],
)
def test_threat_S07_each_refusal_has_its_own_error_and_gives_no_plaintext_of_the_block(
    body: Callable[[], bytes], error: type[Exception], blocks: int
) -> None:
    out = bytearray()
    with pytest.raises(error) as refused:
        read(FOUR.reader(), body(), out)
    assert type(refused.value) is error
    assert out == FOUR.plaintext[: blocks * BLOCK]


def test_threat_S07_a_wrong_key_or_context_opens_nothing() -> None:
    for reader in (FOUR.reader(key=b"\x08" * 32), FOUR.reader(context=b"another context")):
        out = bytearray()
        with pytest.raises(WrongKey):
            read(reader, FOUR.ciphertext, out)
        assert not out


@pytest.mark.parametrize(
    "leaves",
    [
        OTHER.leaves,
        FOUR.leaves[:-LEAF],
        FOUR.leaves + bytes(LEAF),
        b"",
        FOUR.leaves[LEAF:] + FOUR.leaves[:LEAF],
    ],
    ids=["another's", "one less", "one more", "none", "turned"],
)
def test_threat_S07_the_leaves_of_another_payload_are_refused_before_anything_is_read(leaves: bytes) -> None:
    with pytest.raises(WrongLeaves):
        FOUR.reader(leaves=leaves)


def test_threat_S07_a_block_is_not_decrypted_before_it_is_verified() -> None:
    """Whoever has the data key (another buyer) can seal blocks that open; they are not what was listed."""
    encryptor = Encryptor(KEY, CONTEXT)
    forged = bytes(encryptor.update(bytes(3 * BLOCK + 5000)) + encryptor.finish())
    out = bytearray()
    with pytest.raises(BlockSwapped):
        read(FOUR.reader(), forged, out)
    assert not out


LISTED = payload_context(84084, b"\x01" * 20, b"\x02" * 20, b"\x03" * 32)


@pytest.mark.parametrize(
    "context",
    [
        payload_context(1, b"\x01" * 20, b"\x02" * 20, b"\x03" * 32),
        payload_context(84084, b"\x09" * 20, b"\x02" * 20, b"\x03" * 32),
        payload_context(84084, b"\x01" * 20, b"\x02" * 20, b"\x09" * 32),
        LISTED[:-1],
        LISTED + b"\0",
        b"",
    ],
)
def test_threat_S07_another_context_than_the_chain_names_is_refused(context: bytes) -> None:
    check_context(LISTED, 84084, b"\x01" * 20, b"\x03" * 32)
    with pytest.raises(WrongContext):
        check_context(context, 84084, b"\x01" * 20, b"\x03" * 32)
