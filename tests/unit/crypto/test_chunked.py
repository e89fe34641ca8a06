"""The chunked format: official vectors, its own error for each damage, constant memory, no secret shown."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import tracemalloc
import zlib
from importlib.resources import files
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ledger.crypto import chunked
from ledger.crypto.chunked import (
    BLOCK,
    CHUNK,
    HEADER,
    MAX_CHUNKS,
    SEALED_BLOCK,
    SEALED_CHUNK,
    TAG,
    BadKey,
    ChunkedError,
    ChunkReordered,
    ChunkTampered,
    CommitmentMismatch,
    Extended,
    MessageTooLong,
    Truncated,
    WrongContext,
    WrongKey,
)
from ledger.crypto.message import COBBLESTONE_256, Message, Suite, key_id
from ledger.crypto.stream import Decryptor, Encryptor

KEY = bytes(range(32))
CONTEXT = b"a context"
# The vectors that ship in `cryptography-vectors` 50.0.2 derive with SHA-256; everything else is as in ours.
SUITES = {
    "AEAD_AES_256_GCM": Suite("AEAD_AES_256_GCM", 32, AESGCM, SHA256()),
    "AEAD_AES_128_GCM": Suite("AEAD_AES_128_GCM", 16, AESGCM, SHA256()),
    "AEAD_CHACHA20_POLY1305": Suite("AEAD_CHACHA20_POLY1305", 32, ChaCha20Poly1305, SHA256()),
}


def vectors() -> list[dict[str, Any]]:
    text = files("cryptography_vectors").joinpath("chunked-encryption", "vectors.json").read_text()
    found: list[dict[str, Any]] = json.loads(text)["vectors"]
    assert len(found) > 90
    assert sum(v["aead"] == COBBLESTONE_256.name for v in found) > 30
    return found


def ciphertext_of(vector: dict[str, Any]) -> bytes:
    raw = base64.b64decode(vector["ciphertext"] or "")
    return zlib.decompress(raw) if vector.get("compressed") else raw


REFUSALS = {
    "bad_tag": ChunkTampered,
    "missing_tag": Truncated,
    "short_chunk": Truncated,
    "trailing_garbage_long": ChunkTampered,  # `Extended` once the size is known, see below
    "trailing_garbage_short": Truncated,  # 12 bytes are no chunk: the format cannot tell more
    "no_chunks": Truncated,
    "wrong_": CommitmentMismatch,
    "short_key": BadKey,
    "long_key": BadKey,
    "empty_message": Truncated,
    "short_header": Truncated,
    "truncated_at": Truncated,
    "truncated_mid": ChunkTampered,
    "swapped": ChunkReordered,
    "duplicated": ChunkReordered,
    "extension": ChunkTampered,
}


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v["name"])
def test_R12_official_vector(vector: dict[str, Any]) -> None:
    suite, key = SUITES[vector["aead"]], bytes.fromhex(vector["key"])
    context, ciphertext = vector["context"].encode(), ciphertext_of(vector)
    plaintext = bytearray()

    def decrypt() -> None:
        message = Message.unlock(key, context, ciphertext[:HEADER], suite=suite)
        chunks = (len(ciphertext) - HEADER) // SEALED_CHUNK
        for number in range(chunks + 1):
            sealed = ciphertext[HEADER + number * SEALED_CHUNK :][:SEALED_CHUNK]
            out = bytearray(max(len(sealed) - TAG, 0))
            message.open_into(number, sealed, out, last=number == chunks)
            plaintext.extend(out)

    if vector["expect"] == "success":
        decrypt()
        assert len(plaintext) == vector["payload_length"]
        assert hashlib.sha256(plaintext).hexdigest() == vector["payload_sha256"]
        again = Message(key, context, ciphertext[:24], suite)
        out = bytearray(len(ciphertext) - HEADER)
        again.seal_into(0, plaintext, out, last=True)
        assert again.header + out == ciphertext
        return
    kind = next(error for name, error in REFUSALS.items() if name in vector["name"])
    with pytest.raises(kind) as refusal:
        decrypt()
    assert refusal.type is kind
    assert len(plaintext) == vector.get("payload_length", 0)
    if "payload_sha256" in vector:  # what was verified before the damage
        assert hashlib.sha256(plaintext).hexdigest() == vector["payload_sha256"]


def seal(plaintext: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    stream = Encryptor(key, context)
    return bytes(stream.update(plaintext) + stream.finish())


def unseal(ciphertext: bytes, **options: Any) -> bytes:
    stream = Decryptor(options.pop("key", KEY), options.pop("context", CONTEXT), **options)
    return bytes(stream.update(ciphertext) + stream.finish())


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, BLOCK - 1, BLOCK, BLOCK + 1])
def test_R12_cobblestone_256_of_another_implementation(size: int) -> None:
    """SHA-512, checked against `cryptography.cobblestone` in both directions."""
    text = os.urandom(size)
    theirs = Cobblestone256Encryptor(KEY, CONTEXT)
    assert unseal(theirs.update(text) + theirs.finalize()) == text
    reader = Cobblestone256Decryptor(KEY, CONTEXT)
    assert reader.update(seal(text)) + reader.finalize() == text


def test_cobblestone_256_is_pinned() -> None:
    """The bytes of the format, so that no library and no refactoring changes what is already stored."""
    message = Message(KEY, CONTEXT, bytes(24))
    sealed = message.seal_block(0, b"pinned", last=True)
    assert sealed.hex() == (
        "00" * 24 + "bf12c10d85687e826bc5038b39cbfc07982d224de6aefa2ac42d8ec80fe93933"
        "264ec4e9e53c10acfb98ced1ebdcbb99aabc1f103367"
    )


def test_sizes_follow_the_standard() -> None:
    assert (HEADER, SEALED_CHUNK, BLOCK, SEALED_BLOCK) == (56, 16400, 1 << 20, 64 * 16400)
    for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, BLOCK - 1, BLOCK, BLOCK + 1):
        assert len(seal(bytes(size))) == chunked.ciphertext_size(size)
        assert chunked.plaintext_size(chunked.ciphertext_size(size)) == size
    for invalid in (0, HEADER, HEADER + TAG - 1, HEADER + SEALED_CHUNK, HEADER + SEALED_CHUNK + TAG - 1):
        with pytest.raises(Truncated):
            chunked.plaintext_size(invalid)
    assert chunked.block_count(chunked.ciphertext_size(0)) == 1
    assert chunked.block_count(chunked.ciphertext_size(BLOCK - 1)) == 1
    assert chunked.block_count(chunked.ciphertext_size(BLOCK)) == 2
    with pytest.raises(MessageTooLong):
        chunked.ciphertext_size(MAX_CHUNKS * CHUNK)
    with pytest.raises(MessageTooLong):
        chunked.plaintext_size(HEADER + MAX_CHUNKS * SEALED_CHUNK + TAG)


def test_the_chunk_counter_stops_at_2_to_the_38() -> None:
    message = Message.new(KEY, CONTEXT)
    out = bytearray(2 * SEALED_CHUNK)
    assert message.seal_into(MAX_CHUNKS - 1, b"x", out, last=True) == 17
    with pytest.raises(MessageTooLong):
        message.seal_into(MAX_CHUNKS - 1, bytes(CHUNK), out, last=True)
    with pytest.raises(MessageTooLong):
        message.open_into(MAX_CHUNKS, bytes(17), out, last=True)


def test_payload_context_is_104_bytes_of_fixed_fields() -> None:
    context = chunked.payload_context(1337, b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 32)
    assert context.hex() == "00" * 30 + "0539" + "aa" * 20 + "bb" * 20 + "cc" * 32
    for bad in (
        (-1, bytes(20), bytes(20), bytes(32)),
        (2**256, bytes(20), bytes(20), bytes(32)),
        (1, bytes(19), bytes(20), bytes(32)),
        (1, bytes(20), bytes(21), bytes(32)),
        (1, bytes(20), bytes(20), bytes(31)),
    ):
        with pytest.raises(ValueError, match="must be"):
            chunked.payload_context(*bad)


def test_two_encryptions_of_one_text_share_nothing() -> None:
    assert seal(bytes(CHUNK))[:64] != seal(bytes(CHUNK))[:64]


# One error each --------------------------------------------------------------------------------------------

TEXT = os.urandom(3 * CHUNK + 5)
SEALED = seal(TEXT)


def chunk(number: int) -> bytes:
    return SEALED[HEADER + number * SEALED_CHUNK :][:SEALED_CHUNK]


def test_threat_S07_truncated() -> None:
    for cut in (1, 21, 22, SEALED_CHUNK, len(SEALED) - HEADER, len(SEALED) - 3):
        with pytest.raises(Truncated):
            unseal(SEALED[:-cut], size=len(SEALED))
    for boundary in (0, 10, HEADER, HEADER + SEALED_CHUNK, HEADER + 3 * SEALED_CHUNK + 15):
        with pytest.raises(Truncated):  # told apart even when the size is not known
            unseal(SEALED[:boundary])


def test_threat_S07_extended() -> None:
    for more in (b"\0", bytes(SEALED_CHUNK), chunk(0)):
        with pytest.raises(Extended):
            unseal(SEALED + more, size=len(SEALED))
        with pytest.raises(ChunkTampered):
            unseal(SEALED + more)


def test_threat_S07_reordered() -> None:
    swapped = SEALED[:HEADER] + chunk(0) + chunk(2) + chunk(1) + chunk(3)
    with pytest.raises(ChunkReordered, match="chunk 2 stands at the place of chunk 1") as refusal:
        unseal(swapped)
    assert (refusal.value.index, refusal.value.found) == (1, 2)


def test_threat_S07_tampered() -> None:
    for place in (HEADER, HEADER + SEALED_CHUNK - 1, HEADER + 2 * SEALED_CHUNK, len(SEALED) - 1):
        damaged = bytearray(SEALED)
        damaged[place] ^= 1
        with pytest.raises(ChunkTampered) as refusal:
            unseal(bytes(damaged))
        assert refusal.type is ChunkTampered
        assert refusal.value.index == (place - HEADER) // SEALED_CHUNK


def test_threat_S07_swapped_wrong_key_wrong_context() -> None:
    name = key_id(KEY)
    other = bytes(32)
    with pytest.raises(WrongKey):
        unseal(SEALED, key=other, expected_key_id=name)
    with pytest.raises(WrongContext):
        unseal(SEALED, context=b"another", expected_key_id=name)
    for options in ({"key": other}, {"context": b"another"}):
        with pytest.raises(CommitmentMismatch) as refusal:
            unseal(SEALED, **options)
        assert refusal.type is CommitmentMismatch
    # A chunk, then the header, of another message under the same key and context.
    foreign = seal(TEXT)
    with pytest.raises(ChunkTampered):
        unseal(SEALED[:HEADER] + foreign[HEADER:])
    with pytest.raises(CommitmentMismatch):
        unseal(SEALED[:24] + foreign[24:])
    assert unseal(SEALED, expected_key_id=name, size=len(SEALED)) == TEXT


def test_threat_S07_no_plaintext_before_the_error() -> None:
    """OpenSSL writes a chunk before it checks the tag: the caller's buffer must not keep it."""
    message = Message.unlock(KEY, CONTEXT, SEALED[:HEADER])
    for place in (5, 2 * SEALED_CHUNK + 5, len(SEALED) - HEADER - 1):
        damaged = bytearray(SEALED[HEADER:])
        damaged[place] ^= 1
        out = bytearray(len(TEXT)) + b"not ours"
        with pytest.raises(ChunkTampered):
            message.open_into(0, damaged, out, last=True)
        assert out == bytes(len(TEXT)) + b"not ours"


def test_threat_S07_no_plaintext_of_a_stream_before_the_error() -> None:
    """Neither of the piece that fails, nor of the chunk that it completes."""
    for begun in (0, 100, SEALED_CHUNK + 100):
        damaged = bytearray(SEALED)
        damaged[HEADER + 2 * SEALED_CHUNK + 5] ^= 1
        stream = Decryptor(KEY, CONTEXT)
        before = len(stream.update(damaged[: HEADER + begun]))
        out = bytearray(len(TEXT)) + b"not ours"
        with pytest.raises(ChunkTampered) as refusal:
            stream.update_into(damaged[HEADER + begun :], out)
        assert refusal.value.index == 2
        assert out[: 2 * CHUNK - before] == bytes(2 * CHUNK - before)
        assert out == bytes(len(TEXT)) + b"not ours"


def test_a_stream_is_dead_after_an_error_and_after_its_end() -> None:
    stream = Decryptor(KEY, CONTEXT)
    with pytest.raises(ChunkTampered):
        stream.update(SEALED[:HEADER] + bytes(SEALED_CHUNK))
    for call in (lambda: stream.update(chunk(0)), stream.finish):
        with pytest.raises(ValueError, match="finished"):
            call()
    sealer = Encryptor(KEY, CONTEXT)
    sealer.finish()
    for call in (lambda: sealer.update(b"more"), sealer.finish):
        with pytest.raises(ValueError, match="finished"):
            call()


# Blocks ----------------------------------------------------------------------------------------------------


def test_a_block_opens_by_itself() -> None:
    text = os.urandom(2 * BLOCK + 100)
    sealed = seal(text)
    message = Message.unlock(KEY, CONTEXT, sealed[:HEADER])
    first, rest = sealed[: HEADER + SEALED_BLOCK], sealed[HEADER + SEALED_BLOCK :]
    second, third = rest[:SEALED_BLOCK], rest[SEALED_BLOCK:]
    assert message.open_block(1, second, last=False) == text[BLOCK : 2 * BLOCK]
    assert message.open_block(0, first, last=False) == text[:BLOCK]
    assert message.open_block(2, third, last=True) == text[2 * BLOCK :]
    assert message.seal_block(0, text[:BLOCK], last=False) == first
    assert message.seal_block(1, text[BLOCK : 2 * BLOCK], last=False) == second
    assert message.seal_block(2, text[2 * BLOCK :], last=True) == third

    with pytest.raises(ChunkReordered):
        message.open_block(0, first[:HEADER] + second, last=False)
    with pytest.raises(Truncated):
        message.open_block(1, second[:-1], last=False)
    with pytest.raises(Extended):
        message.open_block(1, second + b"\0", last=False)
    with pytest.raises(Extended):
        message.open_block(2, second, last=True)
    with pytest.raises(Truncated):
        message.open_block(2, third[:15], last=True)
    with pytest.raises(Truncated):
        message.open_block(2, b"", last=True)
    with pytest.raises(Truncated):
        message.open_block(0, first[: HEADER - 1], last=True)
    with pytest.raises(CommitmentMismatch):
        message.open_block(0, seal(text)[: HEADER + SEALED_BLOCK], last=False)
    with pytest.raises(ValueError, match="no block"):
        message.seal_block(0, b"short", last=False)
    with pytest.raises(ValueError, match="no last block"):
        message.seal_block(0, bytes(BLOCK), last=True)


# Memory, secrets -------------------------------------------------------------------------------------------


def test_threat_S13_memory_is_constant_over_256_megabytes() -> None:
    piece = memoryview(bytes(1 << 20))
    sealer, opener = Encryptor(KEY, CONTEXT), Decryptor(KEY, CONTEXT)
    sealed, opened = bytearray(2 << 20), bytearray(2 << 20)
    seen = 0

    def turn() -> int:
        size = sealer.update_into(piece, sealed)
        return opener.update_into(memoryview(sealed)[:size], opened)

    seen += turn()
    tracemalloc.start()
    try:
        for _ in range(255):
            seen += turn()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    seen += len(opener.update(sealer.finish())) + len(opener.finish())
    assert seen == 256 << 20
    assert peak < 100_000, f"{peak} bytes"


def test_threat_S10_nothing_shows_the_key() -> None:
    canary = os.urandom(32)
    message = Message.new(canary, CONTEXT)
    derived = HKDFExpand(
        SHA512(),
        32,
        b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + message.header[:24] + CONTEXT,
    ).derive(canary)
    assert repr(message) == f"<Message salt={message.header[:24].hex()}>"
    shown = [repr(message), str(message), f"{message!r}", repr(Encryptor(canary, CONTEXT))]
    for failing in (
        lambda: Message.unlock(canary, b"other", message.header),
        lambda: Message.unlock(canary, b"other", message.header, expected_key_id=bytes(32)),
        lambda: Message.new(canary + b"x", CONTEXT),
        lambda: message.open_block(0, message.header + bytes(100), last=True),
    ):
        with pytest.raises(ChunkedError) as refusal:
            failing()
        shown += [repr(refusal.value), str(refusal.value)]
    for secret in (canary, derived):
        for form in (secret.hex(), repr(secret)[2:-1], base64.b64encode(secret).decode()):
            assert not any(form in text for text in shown)
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(message)
