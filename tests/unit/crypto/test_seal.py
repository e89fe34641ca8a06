"""HPKE sealing: official vectors, its own error for each mismatch, no secret shown."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto.seal import (
    BadKeyEncoding,
    BadSealedKey,
    DepositContext,
    GrantContext,
    OpenFailed,
    PrivateKey,
    SealError,
    Suite,
    SuiteMismatch,
    check_public_key,
    fingerprint,
    open_sealed,
    seal,
)

GRANT = GrantContext(1337, b"\xaa" * 20, 7, 2, b"\xbb" * 32, "download")
DEPOSIT = DepositContext(1337, b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 32)
DATA_KEY = os.urandom(32)


@dataclass(frozen=True)
class RawContext:
    raw: bytes

    def info(self) -> bytes:
        return self.raw


def hpke_vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(files("cryptography_vectors").joinpath("HPKE", name).read_text())
    return found


def test_R13_rfc_9180_vector() -> None:
    """Base mode, X25519, HKDF-SHA256, AES-256-GCM. The vectors seal with an associated data, single shot has
    none: the ciphertext is made here from the vector's key and nonce."""
    (vector,) = [
        v
        for v in hpke_vectors("test-vectors.json")
        if (v["mode"], v["kem_id"], v["kdf_id"], v["aead_id"]) == (0, 32, 1, 2)
    ]
    of = {name: bytes.fromhex(vector[name]) for name in ("skRm", "pkRm", "enc", "key", "base_nonce", "info")}
    private = PrivateKey(Suite.X25519, of["skRm"])
    assert private.public == Suite.X25519.value + of["pkRm"]
    ciphertext = AESGCM(of["key"]).encrypt(of["base_nonce"], DATA_KEY, b"")
    sealed = Suite.X25519.value + of["enc"] + ciphertext
    assert open_sealed(sealed, private, RawContext(of["info"])) == DATA_KEY


def test_R13_x_wing_key_vectors() -> None:
    """The private key of the hybrid is the standard's 32-byte seed."""
    found = [v for v in hpke_vectors("hpke-pq-test-vectors.json") if v["kem_id"] == 0x647A]
    assert len(found) >= 2
    for vector in found:
        private = PrivateKey(Suite.MLKEM768_X25519, bytes.fromhex(vector["skRm"]))
        assert private.public == Suite.MLKEM768_X25519.value + bytes.fromhex(vector["pkRm"])


@pytest.mark.parametrize("suite", Suite)
def test_R13_round_trip_and_sizes(suite: Suite) -> None:
    private = PrivateKey.generate(suite)
    sealed = seal(DATA_KEY, private.public, GRANT)
    assert len(private.public) == 6 + suite.public_size == {Suite.X25519: 38}.get(suite, 1222)
    assert len(sealed) == suite.sealed_size == {Suite.X25519: 86}.get(suite, 1174)
    assert check_public_key(private.public) is suite
    again = PrivateKey.decode(private.encode())
    assert again.public == private.public
    assert open_sealed(sealed, again, GRANT) == DATA_KEY
    assert seal(DATA_KEY, private.public, GRANT) != sealed


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(GRANT, chain_id=1),
        dataclasses.replace(GRANT, licences_address=bytes(20)),
        dataclasses.replace(GRANT, licence_id=8),
        dataclasses.replace(GRANT, listing_version=3),
        dataclasses.replace(GRANT, block_hash=bytes(32)),
        dataclasses.replace(GRANT, purpose="audit"),
        DEPOSIT,
    ],
    ids=["chain", "contract", "licence", "version", "block", "purpose", "kind"],
)
def test_threat_S07_a_grant_opens_in_its_own_context_only(suite: Suite, other: Any) -> None:
    private = PrivateKey.generate(suite)
    with pytest.raises(OpenFailed):
        open_sealed(seal(DATA_KEY, private.public, GRANT), private, other)


@pytest.mark.parametrize("suite", Suite)
def test_each_mismatch_is_its_own_error(suite: Suite) -> None:
    private, other = PrivateKey.generate(suite), PrivateKey.generate(suite)
    foreign = PrivateKey.generate(Suite.MLKEM768_X25519 if suite is Suite.X25519 else Suite.X25519)
    sealed = seal(DATA_KEY, private.public, DEPOSIT)
    with pytest.raises(OpenFailed):
        open_sealed(sealed, other, DEPOSIT)
    with pytest.raises(SuiteMismatch):
        open_sealed(sealed, foreign, DEPOSIT)
    for bad in (sealed[:-1], sealed + b"\0", b"", b"\xff" * len(sealed), sealed[:6]):
        with pytest.raises(BadSealedKey):
            open_sealed(bad, private, DEPOSIT)
    for bad in (
        private.public[:-1],
        private.public + b"\0",
        b"",
        bytes(len(private.public)),
        private.public[:6],
    ):
        with pytest.raises(BadKeyEncoding):
            seal(DATA_KEY, bad, DEPOSIT)
        with pytest.raises(BadKeyEncoding):
            check_public_key(bad)
    with pytest.raises(BadKeyEncoding):
        PrivateKey.decode(private.encode()[:-1])
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        seal(DATA_KEY[:-1], private.public, DEPOSIT)


@pytest.mark.parametrize("suite", Suite)
def test_points_of_small_order_and_unreduced_coefficients_are_refused(suite: Suite) -> None:
    private = PrivateKey.generate(suite)
    with pytest.raises(BadKeyEncoding):
        seal(DATA_KEY, private.public[:-32] + bytes(32), DEPOSIT)
    if suite is Suite.MLKEM768_X25519:
        with pytest.raises(BadKeyEncoding, match="ML-KEM"):
            check_public_key(suite.value + b"\xff" * 1184 + private.public[-32:])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(Suite), st.integers(0, 2**20), st.integers(1, 255))
def test_threat_S07_any_byte_changed_is_refused(suite: Suite, place: int, flip: int) -> None:
    private = PrivateKey(suite, bytes(range(32)))
    damaged = bytearray(seal(DATA_KEY, private.public, GRANT))
    damaged[place % len(damaged)] ^= flip
    with pytest.raises(SealError):
        open_sealed(bytes(damaged), private, GRANT)


def test_the_info_bytes_are_pinned() -> None:
    uint = "{:064x}".format
    assert (
        GRANT.info()
        == b"socai/grant@v1\0"
        + bytes.fromhex(uint(1337) + "aa" * 20 + uint(7) + uint(2) + "bb" * 32 + "08")
        + b"download"
    )
    assert DEPOSIT.info() == b"socai/deposit@v1\0" + DEPOSIT.payload_context()
    assert DEPOSIT.payload_context() == bytes.fromhex(uint(1337) + "aa" * 20 + "bb" * 20 + "cc" * 32)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": -1},
        {"licence_id": 2**256},
        {"licences_address": bytes(19)},
        {"block_hash": bytes(31)},
        {"purpose": ""},
        {"purpose": "ă" * 128},
    ],
)
def test_a_context_that_cannot_be_encoded_is_never_made(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"uint256|bytes"):
        dataclasses.replace(GRANT, **change)
    with pytest.raises(ValueError, match="must be 32 bytes"):
        dataclasses.replace(DEPOSIT, deposit_id=b"")


@pytest.mark.parametrize("suite", Suite)
def test_threat_S10_nothing_shows_the_private_key(suite: Suite) -> None:
    canary = os.urandom(32)
    private = PrivateKey(suite, canary)
    shown = [repr(private), str(private), f"{private}"]
    assert fingerprint(private.public) in shown[0]
    with pytest.raises(OpenFailed) as refusal:
        open_sealed(seal(DATA_KEY, private.public, GRANT), private, DEPOSIT)
    shown += [repr(refusal.value), str(refusal.value)]
    with pytest.raises(BadKeyEncoding) as wrong:
        PrivateKey.decode(private.encode() + b"x")
    shown += [repr(wrong.value)]
    for secret in (canary, DATA_KEY):
        assert not any(form in text for text in shown for form in (secret.hex(), repr(secret)[2:-1]))
    with pytest.raises(TypeError):
        pickle.dumps(private)
