"""What a holder signs for a verifier, and what else is no presentation."""

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_typing import Hash32

from ledger.chain.devnet import dev_accounts
from ledger.proofs import evidence, presentation, trust
from ledger.proofs.presentation import LONGEST, BadPresentation, Challenge, NotTheHolder, Stale
from tests.vectors.evidence import NONCE, VERIFIER, load

TEXTS = load()["texts"]
TRUST = trust.read(TEXTS["trust"].encode())
LICENCE = TEXTS["licence"].encode()
NOW = int(json.loads(LICENCE)["claim"]["block"]["time"])
HOLDER = next(
    account
    for account in dev_accounts().values()
    if account.address.lower() == json.loads(LICENCE)["claim"]["holder"]
)


def presented(deadline: int, certificate: bytes = LICENCE) -> bytes:
    challenge = Challenge(VERIFIER, NONCE, deadline)
    digest = Hash32(challenge.digest(certificate, TRUST))
    signature = Account.from_key(HOLDER.key).unsafe_sign_hash(digest).signature
    return presentation.encode(certificate, challenge, bytes(signature))


def shown(data: bytes, now: int = NOW) -> evidence.Proven:
    return presentation.verify(data, TRUST, now, VERIFIER, NONCE)


def spelt(**changes: Any) -> bytes:
    """A good file with other members, those that are None left out."""
    value = json.loads(presented(NOW)) | changes
    value = {name: member for name, member in value.items() if member is not None}
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def test_R18_it_proves_what_its_certificate_proves() -> None:
    assert shown(presented(NOW)) == evidence.verify(LICENCE, TRUST, NOW)
    assert shown(spelt()) == shown(presented(NOW))


@pytest.mark.parametrize("deadline", [NOW, NOW + LONGEST])
def test_a_deadline_is_neither_past_nor_far(deadline: int) -> None:
    shown(presented(deadline))
    with pytest.raises(Stale, match="past, or too far ahead"):
        shown(presented(deadline), NOW + LONGEST + 1)


def test_who_signed_and_who_holds_are_named() -> None:
    other = json.loads(presented(NOW))["signature"]
    with pytest.raises(NotTheHolder, match=f"the holder is {HOLDER.address.lower()}"):
        shown(spelt(deadline=NOW + 1, signature=other))


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge(VERIFIER, NONCE[:31], NOW),
        Challenge(VERIFIER, NONCE + b"\0", NOW),
        Challenge(VERIFIER, NONCE, -1),
        Challenge(VERIFIER, NONCE, 1 << 64),
        Challenge("ngân-hàng.example", NONCE, NOW),
    ],
)
def test_a_challenge_is_32_bytes_for_an_ascii_name_until_a_uint64(challenge: Challenge) -> None:
    with pytest.raises(BadPresentation, match="32 bytes"):
        challenge.digest(LICENCE, TRUST)


def test_the_first_and_the_last_deadline_are_signed() -> None:
    good = Challenge(VERIFIER, NONCE, 0)
    digests = {replace(good, deadline=at).digest(LICENCE, TRUST) for at in (0, 1, (1 << 64) - 1)}
    assert len(digests) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "socai-presentation-2"},
        {"more": 1},
        {"verifier": None},
        {"verifier": 7},
        {"verifier": 7, "deadline": "soon"},
        {"deadline": str(NOW)},
        {"deadline": True},
        {"deadline": float(NOW) + 0.5},
        {"challenge": "0x" + NONCE.hex()[2:]},
        {"challenge": "0x" + NONCE.hex() + "00"},
        {"signature": "0x" + "11" * 64},
        {"certificate": "text"},
    ],
)
def test_threat_S20_anything_else_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises((BadPresentation, evidence.BadBundle)):
        shown(spelt(**changes))


@pytest.mark.parametrize("text", [b"[]", b'"socai"', b"7", b"null", b"{", b""])
def test_what_is_no_object_is_none(text: bytes) -> None:
    assert not presentation.is_presentation(text)
    with pytest.raises(BadPresentation, match="not a presentation"):
        shown(text)
