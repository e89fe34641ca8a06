"""Round trips, random piece sizes, and damage at any place, around the borders of chunks and blocks."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto import chunked
from ledger.crypto.chunked import (
    BLOCK,
    CHUNK,
    HEADER,
    SEALED_BLOCK,
    SEALED_CHUNK,
    ChunkedError,
    ChunkReordered,
    Truncated,
)
from ledger.crypto.message import Message
from ledger.crypto.stream import Encryptor, decrypt, encrypt

KEY = bytes(range(32))
CONTEXT = b"a context"

around = st.sampled_from([0, CHUNK, 2 * CHUNK, 3 * CHUNK, BLOCK - CHUNK, BLOCK, BLOCK + CHUNK, 2 * BLOCK])
sizes = st.builds(lambda border, off: max(0, border + off), around, st.integers(-20, 20))
small = st.builds(
    lambda border, off: max(0, border + off), st.sampled_from([0, CHUNK, 2 * CHUNK]), st.integers(-20, 20)
)
seeds = st.integers(0, 2**32)
brief = settings(max_examples=60, deadline=None)


def text_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311 - test data


def cut(data: bytes, seed: int, most: int) -> list[bytes]:
    dice, pieces, start = random.Random(seed), [], 0  # noqa: S311 - test data
    while start < len(data):
        size = dice.choice([0, 1, dice.randrange(most), most])
        pieces.append(data[start : start + size])
        start += size
    return pieces


def sealed_of(text: bytes) -> bytes:
    return b"".join(encrypt(KEY, CONTEXT, [text]))


@brief
@given(sizes, seeds, st.sampled_from([700, CHUNK, SEALED_CHUNK, 100_000, 2 * BLOCK]))
def test_R12_any_size_in_any_pieces_comes_back(size: int, seed: int, most: int) -> None:
    text = text_of(size)
    stream = Encryptor(KEY, CONTEXT)
    sealed = b"".join(bytes(stream.update(piece)) for piece in cut(text, seed, most)) + stream.finish()
    assert len(sealed) == chunked.ciphertext_size(size)
    message = Message.unlock(KEY, CONTEXT, sealed[:HEADER])
    whole = bytearray(len(sealed) - HEADER)
    message.seal_into(0, text, whole, last=True)
    assert sealed == message.header + whole  # pieces equal one shot
    pieces = cut(sealed, seed + 1, most)
    assert b"".join(decrypt(KEY, CONTEXT, pieces, size=len(sealed))) == text


@brief
@given(sizes, seeds)
def test_R12_any_block_opens_by_itself(size: int, seed: int) -> None:
    text, count = text_of(size), size // BLOCK + 1
    sealed = sealed_of(text)
    assert chunked.block_count(len(sealed)) == count
    index = seed % count
    start = HEADER + index * SEALED_BLOCK if index else 0
    leaf = sealed[start : HEADER + (index + 1) * SEALED_BLOCK]
    message = Message.unlock(KEY, CONTEXT, sealed[:HEADER])
    plain = message.open_block(index, leaf, last=index == count - 1)
    assert plain == text[index * BLOCK : (index + 1) * BLOCK]


@brief
@given(small, st.integers(0, 2**40), st.integers(1, 255), st.booleans())
def test_threat_S07_any_byte_changed_is_refused(size: int, place: int, flip: int, known: bool) -> None:
    damaged = bytearray(sealed_of(text_of(size)))
    damaged[place % len(damaged)] ^= flip
    with pytest.raises(ChunkedError):
        list(decrypt(KEY, CONTEXT, [damaged], size=len(damaged) if known else None))


@brief
@given(small, st.integers(0, 2**40))
def test_threat_S07_cut_at_any_length_is_refused(size: int, place: int) -> None:
    sealed = sealed_of(text_of(size))
    short = sealed[: place % len(sealed)]
    with pytest.raises(Truncated):
        list(decrypt(KEY, CONTEXT, [short], size=len(sealed)))
    with pytest.raises(ChunkedError):
        list(decrypt(KEY, CONTEXT, [short]))


@brief
@given(st.permutations(range(6)))
def test_threat_S07_chunks_in_any_other_order_are_refused(order: list[int]) -> None:
    text = text_of(6 * CHUNK + 3)
    sealed = sealed_of(text)
    body = sealed[HEADER:]
    chunks = [body[i * SEALED_CHUNK : (i + 1) * SEALED_CHUNK] for i in range(7)]
    mixed = [sealed[:HEADER], *(chunks[i] for i in order), chunks[6]]
    got = bytearray()
    if order == sorted(order):
        assert b"".join(decrypt(KEY, CONTEXT, mixed)) == text
        return

    def drain() -> None:
        for piece in decrypt(KEY, CONTEXT, mixed):
            got.extend(piece)

    with pytest.raises(ChunkReordered) as refusal:
        drain()
    place = refusal.value.index
    assert refusal.value.found == order[place]
    assert got == text[: place * CHUNK]  # the verified beginning, and nothing after it


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(3)))
def test_threat_S07_blocks_in_any_other_order_are_refused(order: list[int]) -> None:
    sealed = sealed_of(text_of(3 * BLOCK + 3))
    body = sealed[HEADER:]
    blocks = [body[i * SEALED_BLOCK : (i + 1) * SEALED_BLOCK] for i in range(3)]
    message = Message.unlock(KEY, CONTEXT, sealed[:HEADER])
    for place, block in enumerate(order):
        leaf = (b"" if place else sealed[:HEADER]) + blocks[block]
        if place == block:
            message.open_block(place, leaf, last=False)
        else:
            with pytest.raises(ChunkReordered):
                message.open_block(place, leaf, last=False)
