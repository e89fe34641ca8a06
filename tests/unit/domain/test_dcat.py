"""What metadata documents are found by."""

import pytest

from ledger.domain import dcat
from ledger.domain.dcat import Described, described, fold, words, words_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đà Nẵng", "da nang"),
        ("đường Phố", "duong pho"),
        ("Nguye\u0302\u0303n", "nguyen"),
        ("TỈNH THÀNH", "tinh thanh"),
        ("ƯỚC", "uoc"),
        ("straße", "strasse"),
    ],
)
def test_a_folded_word_is_typed_without_diacritics(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_words_are_of_what_a_document_says() -> None:
    document = {
        "@context": {"dcat": "http://www.w3.org/ns/dcat#"},
        "@type": "dcat:Dataset",
        "dct:title": [
            {"@value": "Tỉnh thành", "@language": "vi"},
            {"@value": "Provinces", "@language": "en"},
        ],
        "dcat:keyword": ["dân_số", "population"],
        "dct:license": "https://example.vn/terms",
        "dcat:byteSize": 12,
    }
    assert words_of(document) == {"tinh", "thanh", "provinces", "dan", "so", "population"}
    assert described(document) == Described("Tỉnh thành", None, ("dân_số", "population"))
    assert described({"title": 3, "http://purl.org/dc/terms/description": "x"}) == Described(None, "x", ())
    assert words("Bản đồ, 2026!") == ["ban", "do", "2026"]


def test_threat_S13_a_document_is_found_by_so_many_words_and_no_more() -> None:
    assert len(words_of({"a": [f"w{n}" for n in range(10_000)]})) == dcat.MOST_WORDS
    assert words("x" * 100) == ["x" * dcat.LONGEST]
