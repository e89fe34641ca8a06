"""What a trust file may say."""

import json
from typing import Any

import pytest

from ledger.proofs import evidence, header, trust
from ledger.proofs.trust import BadTrust, Qbft
from tests.vectors.evidence import load

TEXTS = load()["texts"]
TEXT, LICENCE = TEXTS["trust"], TEXTS["licence"].encode()
ONE, OTHER = "0x" + "11" * 20, "0x" + "22" * 20


def believed(**changes: Any) -> trust.Trust:
    return trust.read(json.dumps(json.loads(TEXT) | changes).encode())


def validators(*sets: Any, listed: Any = True) -> dict[str, Any]:
    return {"anchor": {"type": "qbft", "listed": listed, "validators": list(sets)}}


def of(first: Any, *addresses: str) -> dict[str, Any]:
    return {"from": first, "addresses": list(addresses)}


def test_validators_by_their_first_block() -> None:
    anchor = believed(**validators(of(1, ONE), of(9, ONE, OTHER))).anchor
    assert isinstance(anchor, Qbft)
    one, other = bytes.fromhex(ONE[2:]), bytes.fromhex(OTHER[2:])
    assert anchor == Qbft(((1, frozenset({one})), (9, frozenset({one, other}))), listed=True)
    assert "2 pinned validators" in str(anchor)


@pytest.mark.parametrize(
    ("anchor", "why"),
    [
        (validators(), "at least one"),
        (validators(of(9, ONE), of(9, OTHER)), "ascending"),
        (validators(of(9, ONE), of(1, OTHER)), "ascending"),
        (validators(of(1)), "without members"),
        (validators(of(1, ONE, ONE)), "one twice"),
        (validators(of(1, ONE + "33")), "20"),
        (validators(of(1, ONE[:-2])), "20"),
        (validators(of(-1, ONE)), "-1 is no number"),
        (validators(of("1", ONE)), "'1' is no number"),
        (validators(of(True, ONE)), "True is no number"),
        (validators(of(1, ONE), listed=1), "listed is true or false"),
        (validators(of(1, ONE) | {"until": 9}), "exactly from, addresses"),
        ({"anchor": {"type": "clique"}}, "no anchor 'clique'"),
        ({"anchor": {"type": "development", "more": 1}}, "exactly type"),
        ({"anchor": None}, "not a trust file"),
    ],
)
def test_threat_S20_an_anchor_is_exact(anchor: dict[str, Any], why: str) -> None:
    with pytest.raises(BadTrust, match=why):
        believed(**anchor)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "socai-trust-2"}, "the format is 'socai-trust-2', 'socai-trust-1' is expected"),
        ({"genesis_hash": "0x" + "00" * 31}, "32"),
        ({"genesis_hash": "0x" + "00" * 33}, "32"),
        ({"maximum_age": -1}, "-1 is no number"),
        ({"more": 1}, "exactly format, chain_id"),
        ({"contracts": []}, "not a trust file"),
    ],
)
def test_threat_S20_a_trust_file_is_exact(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadTrust, match=why):
        believed(**changes)


@pytest.mark.parametrize("code_hash", ["0x" + "00" * 31, "0x" + "00" * 33, 7])
def test_threat_S20_code_is_known_by_a_whole_hash(code_hash: Any) -> None:
    contracts = json.loads(TEXT)["contracts"]
    contracts["Exchange"]["code_hash"] = code_hash
    with pytest.raises(BadTrust):
        believed(contracts=contracts)


def test_nobody_sealed_what_was_before_the_validators() -> None:
    anchor = believed(**validators(of(1 << 40, ONE))).anchor
    block = header.decode(evidence.decode(LICENCE).states[0].header)
    with pytest.raises(trust.UnknownValidators, match=f"sealed block {block.number}$"):
        anchor.check(block)
