"""Certificates of every kind, kept as files for any verifier (tests/vectors/evidence); what spoils them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.proofs import evidence, header, receipts, trust
from ledger.proofs.claims import (
    Block,
    DoesNotReconcile,
    Find,
    Found,
    NothingToCertify,
    UnknownClaim,
    _name,
    _settlement,
)
from ledger.proofs.error import ProofError
from ledger.proofs.evidence import (
    SKEW,
    BadBundle,
    Bundle,
    ClaimMismatch,
    EventMissing,
    FromTheFuture,
    ProofMissing,
    ProofSurplus,
    TooOld,
    WrongChain,
    WrongCode,
    claim_of,
    decode,
    events_in,
    verify,
)
from ledger.proofs.receipts import Log, Receipt
from ledger.proofs.trust import Trust

VECTORS = Path(__file__).parents[2] / "vectors" / "evidence"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json") if path.stem != "trust")
TRUST: Trust = trust.read((VECTORS / "trust.json").read_bytes())


def vector(name: str) -> bytes:
    return (VECTORS / f"{name}.json").read_bytes()


def bundle(name: str) -> Bundle:
    return decode(vector(name))


def when(name: str) -> int:
    return int(bundle(name).claim["block"]["time"])


def check(spoiled: Bundle, name: str, **changes: Any) -> evidence.Proven:
    return verify(spoiled.encode(), replace(TRUST, **changes), when(name))


@pytest.mark.parametrize("name", NAMES)
def test_R18_every_kind_is_proven_from_the_file_alone(name: str) -> None:
    proven = verify(vector(name), TRUST, when(name))
    assert proven.claim == bundle(name).claim
    block = header.decode(bundle(name).states[0].header)
    assert (proven.block.number, proven.block.hash) == (block.number, block.hash)
    assert proven.block.time == block.timestamp
    assert "development" in proven.anchor
    assert any("after this block" in line for line in proven.not_proven)
    assert any("who the persons" in line for line in proven.not_proven)


def test_what_the_certificates_say() -> None:
    """By hand, from the history they are of: it is the derivation that is tested, not its repetition."""
    told = {name: bundle(name).claim for name in NAMES}
    licence, listing = told["licence"], told["listing"]
    assert (licence["status"], licence["order"]) == ("active", "open")
    assert licence["listing"]["id"] == str(int(licence["licence"]) >> 48)
    assert licence["plan"]["id"] == str(int(licence["licence"]) >> 32)
    assert licence["purchase"]["price"] == licence["plan"]["price"]
    assert licence["purchase"]["block"]["time"] == licence["issued_at"]
    assert listing["version"]["number"] == 1
    assert listing["state"]["home"] == "SG"
    assert {name: told[f"payment-{name}"]["order"] for name in ("open", "settled", "refunded")} == {
        name: name for name in ("open", "settled", "refunded")
    }
    assert told["payment-open"]["settlement"] is None
    settled = told["payment-settled"]
    parts = settled["settlement"]["parts"]
    assert {part["part"] for part in parts} >= {"fee", "tax", "seller"}
    assert sum(int(part["amount"]) for part in parts) == int(settled["purchase"]["price"])
    assert {part["part"] for part in told["payment-refunded"]["settlement"]["parts"]} == {"refund"}
    whole, part = told["journal"], told["journal-part"]
    assert (whole["after"], whole["start"]) == (None, "0x" + "00" * 32)
    assert (part["end"], part["after"]["number"] < part["block"]["number"]) == (whole["end"], True)
    assert 0 < part["entries"] < whole["entries"]


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """The claim with one leaf another, or away."""
    if isinstance(value, dict):
        for name, inner in value.items():
            for other in leaves(inner):
                yield {**value, name: other}
            yield {key: kept for key, kept in value.items() if key != name}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for other in leaves(inner):
                yield [*value[:at], other, *value[at + 1 :]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    else:
        yield f"{value}0"


@pytest.mark.parametrize("name", NAMES)
def test_threat_S20_no_field_of_the_claim_can_be_another(name: str) -> None:
    for claim in leaves(bundle(name).claim):
        with pytest.raises(ProofError):
            check(replace(bundle(name), claim=claim), name)


def test_a_mismatch_names_the_field_and_both_values() -> None:
    claim = bundle("licence").claim
    other = {**claim, "purchase": {**claim["purchase"], "price": "1"}}
    with pytest.raises(ClaimMismatch) as refused:
        check(replace(bundle("licence"), claim=other), "licence")
    price = claim["purchase"]["price"]
    assert str(refused.value) == f"purchase.price is proven to be {price}, claimed is 1"


def test_a_mismatch_names_a_field_that_only_one_side_has() -> None:
    claim = bundle("licence").claim
    with pytest.raises(ClaimMismatch, match=r"^more is proven to be None, claimed is 1$"):
        check(replace(bundle("licence"), claim=claim | {"more": 1}), "licence")
    fewer = {name: value for name, value in claim.items() if name != "holder"}
    with pytest.raises(ClaimMismatch, match=f"^holder is proven to be {claim['holder']}, claimed is None$"):
        check(replace(bundle("licence"), claim=fewer), "licence")


@pytest.mark.parametrize("name", NAMES)
def test_threat_S20_every_part_is_needed_and_none_is_left_over(name: str) -> None:
    whole = bundle(name)
    for at, state in enumerate(whole.states):

        def with_accounts(accounts: Any, at: int = at, state: evidence.State = state) -> Bundle:
            kept = replace(state, accounts=accounts)
            return replace(whole, states=(*whole.states[:at], kept, *whole.states[at + 1 :]))

        for contract, held in state.accounts.items():
            rest = {key: kept for key, kept in state.accounts.items() if key != contract}
            with pytest.raises(ProofMissing):
                check(with_accounts(rest), name)
            spare = next(one for one in TRUST.contracts if one not in rest) if len(rest) < 3 else contract
            if spare != contract:
                with pytest.raises(ProofSurplus):
                    check(with_accounts({**state.accounts, spare: held}), name)
            for slot in held.storage:
                fewer = {key: proof for key, proof in held.storage.items() if key != slot}
                with pytest.raises(ProofMissing, match=f"slot 0x{slot:x} of {contract}"):
                    check(with_accounts({**state.accounts, contract: replace(held, storage=fewer)}), name)
            slot, proof = next(iter(held.storage.items()))
            more = replace(held, storage={**held.storage, slot ^ 1: proof})
            with pytest.raises(ProofSurplus):
                check(with_accounts({**state.accounts, contract: more}), name)
    for at in range(len(whole.receipts)):
        with pytest.raises((ProofMissing, EventMissing)):
            check(replace(whole, receipts=(*whole.receipts[:at], *whole.receipts[at + 1 :])), name)
    spare_receipt = bundle("licence").receipts
    with pytest.raises(ProofSurplus):
        check(replace(whole, receipts=(*whole.receipts, *spare_receipt)), name)
    with pytest.raises(ProofError):
        check(replace(whole, entries=(*whole.entries, bundle("journal").entries[0])), name)
    with pytest.raises(ProofMissing):
        check(replace(whole, states=()), name)
    with pytest.raises((ProofSurplus, UnknownClaim)):
        check(replace(whole, states=(*whole.states, whole.states[0])), name)


def test_threat_S20_wrong_chain_code_and_time() -> None:
    name, now = "licence", when("licence")
    for changes in ({"chain_id": 1}, {"genesis_hash": bytes(32)}):
        with pytest.raises(WrongChain):
            check(bundle(name), name, **changes)
    pinned = TRUST.contracts["Licences"]
    for other, error in (
        (replace(pinned, code_hash=bytes(32)), WrongCode),
        (replace(pinned, address=bytes(20)), ProofError),
    ):
        with pytest.raises(error):
            check(bundle(name), name, contracts={**TRUST.contracts, "Licences": other})
    fewer = {key: kept for key, kept in TRUST.contracts.items() if key != "Exchange"}
    with pytest.raises(UnknownClaim, match="'Exchange'"):
        check(bundle(name), name, contracts=fewer)
    verify(vector(name), TRUST, now - SKEW)
    with pytest.raises(FromTheFuture, match=f"{SKEW + 1} seconds ahead"):
        verify(vector(name), TRUST, now - SKEW - 1)
    verify(vector(name), replace(TRUST, maximum_age=7), now + 7)
    with pytest.raises(TooOld, match="8 seconds old"):
        verify(vector(name), replace(TRUST, maximum_age=7), now + 8)
    verify(vector(name), TRUST, now + 10**9)


def test_threat_S20_a_genesis_block_is_known_by_a_whole_hash() -> None:
    value = json.loads(vector("licence"))
    value["chain"]["genesis_hash"] += "00"
    with pytest.raises(BadBundle):
        verify(canonical(value), TRUST, when("licence"))


def test_threat_S20_a_receipt_is_of_a_block_before() -> None:
    whole = bundle("payment-refunded")
    plain = header.decode(whole.states[0].header)
    bought = header.decode(whole.receipts[0].header)
    for number, hold in ((plain.number + 1, FromTheFuture), (plain.number, FromTheFuture)):
        later = replace(bought, number=number).encode()
        spoiled = replace(whole, receipts=(replace(whole.receipts[0], header=later), *whole.receipts[1:]))
        with pytest.raises(hold, match=f"block {number}"):
            check(spoiled, "payment-refunded")


def spellings(data: bytes) -> Iterator[bytes]:
    top = json.loads(data)
    yield data + b"\n"
    yield b" " + data
    yield json.dumps(top, indent=1).encode()
    yield data.replace(b"0x", b"0X", 1)
    yield b"[]"
    yield b"\xff"
    yield b""
    for name in top:
        yield canonical({key: value for key, value in top.items() if key != name})
    yield canonical({**top, "more": 1})
    for name, others in {
        "format": ["socai-evidence-2", 1, None],
        "chain": [
            None,
            {"id": 1},
            {"id": -1, "genesis_hash": "0x"},
            {"id": True, "genesis_hash": "0x" + "00" * 32},
        ],
        "claim": [None, [], "licence"],
        "entries": [None, {}, [1], [["0x00"]], [["0x", "0x", "0x"]]],
        "receipts": [
            None,
            [None],
            [{"header": "0x", "index": -1, "proof": []}],
            [{"header": "0x", "index": "0", "proof": []}],
        ],
        "states": [None, [None], [{"header": "0x", "accounts": []}], [{"header": "0x0", "accounts": {}}]],
    }.items():
        for other in others:
            yield canonical({**top, name: other})
    for account in (
        None,
        {"proof": [], "storage": []},
        {"proof": {}, "storage": {}},
        {"proof": [1], "storage": {}},
    ):
        yield canonical({**top, "states": [{"header": "0x", "accounts": {"Licences": account}}]})
    for slot in ("0x00", "00" * 32, "0x" + "00" * 31 + "0G"):
        held = {"proof": [], "storage": {slot: []}}
        yield canonical({**top, "states": [{"header": "0x", "accounts": {"Licences": held}}]})


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def test_threat_S20_a_bundle_has_one_spelling() -> None:
    count = 0
    for other in spellings(vector("licence")):
        with pytest.raises(BadBundle):
            decode(other)
        count += 1
    assert count > 30


BLOCK = Block(5, bytes(32), 100)


@pytest.mark.parametrize(
    "subject",
    [
        {},
        {"type": "other"},
        {"type": 1},
        {"type": "licence"},
        {"type": "licence", "licence": -1},
        {"type": "licence", "licence": "-1"},
        {"type": "licence", "licence": "٣"},
        {"type": "licence", "licence": 1 << 96},
        {"type": "licence", "licence": True},
        {"type": "listing", "listing": 1},
        {"type": "listing", "listing": 1 << 48, "version": {"number": 1}},
        {"type": "listing", "listing": 1, "version": {"number": 1 << 24}},
        {"type": "journal"},
        {"type": "journal", "contract": 1},
    ],
)
def test_a_claim_without_a_subject_is_none(subject: dict[str, Any]) -> None:
    with pytest.raises(UnknownClaim):
        claim_of(subject, [BLOCK]).send(None)  # type: ignore[arg-type]


def test_the_largest_ids_are_subjects() -> None:
    for subject in (
        {"type": "licence", "licence": (1 << 96) - 1},
        {"type": "listing", "listing": (1 << 48) - 1, "version": {"number": (1 << 24) - 1}},
        {"type": "payment", "licence": "0"},
    ):
        assert claim_of(subject, [BLOCK]).send(None)  # type: ignore[arg-type]


def test_part_of_a_journal_begins_after_an_earlier_block() -> None:
    subject = {"type": "journal", "contract": "Exchange"}
    claim_of(subject, [BLOCK, replace(BLOCK, number=4)]).send(None)  # type: ignore[arg-type]
    for number in (5, 6):
        with pytest.raises(UnknownClaim, match="earlier block"):
            claim_of(subject, [BLOCK, replace(BLOCK, number=number)]).send(None)  # type: ignore[arg-type]
    for kind, blocks in (("journal", 3), ("licence", 2), ("journal", 0)):
        with pytest.raises(ProofSurplus):
            claim_of({"type": kind, "licence": 1, "contract": "Exchange"}, [BLOCK] * blocks)


def test_a_settlement_adds_up_to_the_price() -> None:
    parts = [
        ("Allocated", {"part": part, "account": bytes(20), "amount": amount})
        for part, amount in ((0, 3), (3, 7))
    ]
    found = Found(BLOCK, 2, tuple(parts))
    told = _settlement(found, 10)
    assert [(part["part"], part["amount"]) for part in told["parts"]] == [("fee", "3"), ("seller", "7")]
    assert told["transaction"] == 2
    for price in (9, 11):
        with pytest.raises(DoesNotReconcile, match=f"add up to 10, the price is {price}"):
            _settlement(found, price)


def test_an_enumeration_has_no_further_names() -> None:
    assert _name(("a", "b"), 1) == "b"
    with pytest.raises(NothingToCertify, match="2 is none of a, b"):
        _name(("a", "b"), 2)


def test_only_the_contract_s_own_event_of_that_licence_counts_and_once() -> None:
    whole = bundle("licence")
    root = header.decode(whole.receipts[0].header).receipts_root
    receipt = receipts.verify(root, whole.receipts[0].index, whole.receipts[0].proof)
    exchange, find = TRUST.contracts["Exchange"], Find("Exchange", "Purchased", int(whole.claim["licence"]))
    ((name, arguments),) = events_in(receipt, exchange, find)
    assert (name, arguments["licence"]) == ("Purchased", int(whole.claim["licence"]))
    (log,) = [
        one
        for one in receipt.logs
        if one.address == exchange.address and one.topics[0] == exchange.event("Purchased").topic0
    ]

    def refused(*logs: Log, find: Find = find) -> None:
        with pytest.raises(EventMissing, match=f"one Purchased of licence {find.licence}"):
            events_in(Receipt(0, b"\1", 0, bytes(256), logs), exchange, find)

    refused()
    refused(log, log)
    refused(replace(log, address=bytes(20)))
    refused(replace(log, topics=()))
    refused(log, find=replace(find, licence=find.licence + 1))
