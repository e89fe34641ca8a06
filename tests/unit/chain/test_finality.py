"""The finality setting."""

import pytest

from ledger.chain.finality import Depth, FinalityError, Header, Instant, Tag, parse_finality
from ledger.chain.rpc import MalformedAnswer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("instant", Instant()),
        ("depth 12", Depth(12)),
        ("tag finalized", Tag("finalized")),
        ("tag safe", Tag("safe")),
    ],
)
def test_the_setting_is_a_value(text: str, value: object) -> None:
    assert parse_finality(text) == value
    assert str(value) == text


@pytest.mark.parametrize(
    "text", ["", "soon", "depth", "depth 0", "depth -1", "depth ²", "tag latest", "instant 1"]
)
def test_other_settings_are_refused(text: str) -> None:
    with pytest.raises(FinalityError):
        parse_finality(text)


def test_threat_S14_a_header_without_a_hash_is_refused() -> None:
    block = {"number": "0x1", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x3"}
    assert Header.parse(block) == Header(1, b"\x11" * 32, b"\x22" * 32, 3)
    for name in block:
        for wrong in (None, "0x", "11", 1):
            with pytest.raises(MalformedAnswer):
                Header.parse(block | {name: wrong})
    with pytest.raises(MalformedAnswer):
        Header.parse(None)
