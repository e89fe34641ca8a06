"""What a dossier proves, and what it only tells. What spoils it: `tests/vectors/evidence.json`."""

import json
from typing import Any

import pytest

from ledger.proofs import canonical, dossier, evidence, trust
from ledger.proofs.dossier import BadDossier
from tests.vectors.evidence import load

VECTORS = load()
TRUST = trust.read(VECTORS["texts"]["trust"].encode())
WHOLE = next(case for case in VECTORS["dossiers"] if case["name"] == "whole")
NOW = WHOLE["now"]


def made(kinds: dict[str, str], **changes: Any) -> bytes:
    found = {kind: json.loads(VECTORS["texts"][name]) for kind, name in kinds.items()}
    return canonical.dumps(WHOLE["members"] | {"evidence": found} | changes)


def test_R29_each_certificate_is_proven_and_the_rest_is_told() -> None:
    kinds = WHOLE["members"]["evidence"]
    proven = dossier.verify(made(kinds, told={"vat": "10%"}), TRUST, NOW)
    assert (proven.licence, proven.told) == (WHOLE["members"]["licence"], {"vat": "10%"})
    assert proven.proven == {
        kind: evidence.verify(VECTORS["texts"][name].encode(), TRUST, NOW) for kind, name in kinds.items()
    }


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (made({"licence": "licence"}, format="socai-dossier-2"), "no dossier of this format"),
        (made({"payment": "payment"}), "without a certificate of its licence"),
        (made({"licence": "licence", "z": "journal", "a": "journal"}), "unknown kinds: a, z$"),
        (made({"licence": "licence", "payment": "licence"}), "of its payment is about something else"),
        (b"[]", "not a dossier"),
    ],
)
def test_R29_a_refusal_says_what_is_wrong(data: bytes, why: str) -> None:
    with pytest.raises(BadDossier, match=why):
        dossier.verify(data, TRUST, NOW)


@pytest.mark.parametrize("text", [b"[]", b'"socai-dossier-1"', b"{", b""])
def test_what_is_no_object_is_no_dossier(text: bytes) -> None:
    assert not dossier.is_dossier(text)
