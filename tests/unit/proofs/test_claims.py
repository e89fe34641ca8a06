"""What a claim says of what storage and events hold, and what it asks them for."""

from collections.abc import Mapping
from typing import Any

import pytest

from ledger.proofs.claims import (
    NEVER,
    Block,
    Find,
    Found,
    NothingToCertify,
    Read,
    UnknownClaim,
    licence,
    listing,
    payment,
)

BLOCK = Block(5, bytes(32), 100)
LICENCE = 1 << 48 | 1 << 16 | 9
HOLDER = "0x" + "00" * 19 + "07"
BOUGHT = {"licence": LICENCE, "buyer": b"\x07" * 20, "price": 10}

Facts = dict[str, dict[str, int]]


def told(
    claim: Any, subject: Mapping[str, Any], facts: Facts, events: Mapping[str, list[Any]] | None = None
) -> dict[str, Any]:
    """The claim, when variables hold zeros but for `facts`, and transactions `events`, by name."""
    run = claim(subject, [BLOCK])
    asks = run.send(None)
    while True:
        answers: list[Any] = []
        for ask in asks:
            if isinstance(ask, Find):
                emitted = ((name, one) for name in ask.events for one in (events or {}).get(name, []))
                answers.append(Found(BLOCK, 2, tuple(emitted)))
            else:
                assert isinstance(ask, Read)
                name = "class" if "class" in ask.path else str(ask.path[0])
                held = facts.get(name, {})
                answers.append({field: held.get(field, 0) for field in ask.fields or ("",)})
        try:
            asks = run.send(answers)
        except StopIteration as done:
            return dict(done.value)


def of_licence(**held: int) -> dict[str, Any]:
    facts = {"_licences": {"status": 1, "expiresAt": 200} | held, "_owners": {"": 7}}
    return told(licence, {"licence": LICENCE}, facts, {"Purchased": [BOUGHT]})


def of_listing(facts: Facts, *, epoch: int = 0) -> dict[str, Any]:
    version = {"publishedAt": 1, "epoch": epoch} | facts.pop("version", {})
    return told(listing, {"listing": 1, "version": {"number": 1}}, facts | {"_versions": version})


def of_payment(facts: Facts, events: Mapping[str, list[Any]]) -> dict[str, Any]:
    return told(payment, {"licence": LICENCE}, facts, events)


@pytest.mark.parametrize(
    ("status", "expires_at", "said"),
    [
        (1, 101, "active"),
        (1, 100, "expired"),
        (1, 99, "expired"),
        (1, NEVER, "active"),
        (2, 99, "revoked"),
        (3, 99, "refunded"),
    ],
)
def test_R18_a_licence_is_expired_from_its_second_on(status: int, expires_at: int, said: str) -> None:
    claim = of_licence(status=status, expiresAt=expires_at)
    assert (claim["status"], claim["holder"], claim["licence"]) == (said, HOLDER, str(LICENCE))
    assert claim["expires_at"] == (None if expires_at == NEVER else expires_at)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(NothingToCertify, match=f"no licence {LICENCE}$"):
        of_licence(status=0)
    with pytest.raises(NothingToCertify, match=f"no licence {LICENCE}$"):
        of_payment({}, {"Purchased": [BOUGHT]})
    with pytest.raises(NothingToCertify, match=r"no version 1 of listing 1$"):
        of_listing({"version": {"publishedAt": 0}})


@pytest.mark.parametrize("claim", [licence, payment])
def test_an_id_has_96_bits(claim: Any) -> None:
    with pytest.raises(UnknownClaim, match="at most 96 bits"):
        told(claim, {"licence": 1 << 96}, {})


@pytest.mark.parametrize(
    ("required", "refused", "kinds"), [(0x80, True, []), (0x41, False, ["legal"]), (0, False, [])]
)
def test_R07_what_is_required_and_whether_it_was_refused(
    required: int, refused: bool, kinds: list[str]
) -> None:
    state = of_listing({"_listings": {"required": required}})["state"]
    assert (state["refused"], state["required"]) == (refused, kinds)


@pytest.mark.parametrize(("epoch", "kinds"), [(3, ["legal", "quality", "custody"]), (2, ["custody"])])
def test_R07_a_reclassification_voids_all_attestations_but_custody(epoch: int, kinds: list[str]) -> None:
    facts = {"_listings": {"epoch": 3}, "version": {"attestations": 0b1101}}
    assert of_listing(facts, epoch=epoch)["version"]["attested"] == kinds


def test_a_version_may_be_withdrawn() -> None:
    for withdrawn in (False, True):
        claim = of_listing({"version": {"withdrawn": int(withdrawn), "region": 0x564E, "size": 12}})
        version = claim["version"]
        assert (version["withdrawn"], version["region"], version["size"]) == (withdrawn, "VN", "12")


def test_letters_that_are_none_are_still_told() -> None:
    assert of_listing({"version": {"region": 0xC3A9}})["version"]["region"] == "\ufffd\ufffd"


@pytest.mark.parametrize(("order", "event"), [(3, "Settled"), (4, "Refunded")])
def test_R26_where_the_money_went(order: int, event: str) -> None:
    parts = [
        {"part": 0, "account": b"\x01" * 20, "amount": 4},
        {"part": b"\x03", "account": b"\x02" * 20, "amount": 6},
    ]
    facts = {"_licences": {"status": 1, "order": order}, "_plans": {"currency": 2}, "_money": {"token": 8}}
    claim = of_payment(facts, {"Purchased": [BOUGHT], event: [{}], "Allocated": parts})
    assert claim["settlement"]["parts"] == [
        {"part": "fee", "account": "0x" + "01" * 20, "amount": "4"},
        {"part": "seller", "account": "0x" + "02" * 20, "amount": "6"},
    ]
    assert claim["currency"] == {"id": 2, "token": "0x" + "00" * 19 + "08"}


def test_what_was_free_or_is_not_settled_went_nowhere() -> None:
    for order, price in ((3, 0), (1, 10), (2, 10)):
        facts = {"_licences": {"status": 1, "order": order}}
        claim = of_payment(facts, {"Purchased": [BOUGHT | {"price": price}]})
        assert claim["settlement"] is None
        assert claim["currency"] == {"id": 0, "token": None}
