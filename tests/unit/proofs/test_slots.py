"""Slots: the Solidity documentation's rules by hand, over our own layouts and one with what ours have not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ledger.proofs.keccak import keccak
from ledger.proofs.slots import PACKED, Layout, Place, SlotError

BINDINGS = Path(__file__).parents[3] / "ledger/chain/bindings"
ACCOUNT = bytes.fromhex("90f79bf6eb2c4f870365e785982e1f101e93b906")


def layout_of(name: str) -> Any:
    return json.loads((BINDINGS / f"{name}.json").read_text())["storage"]


def ours(name: str) -> Layout:
    return Layout(layout_of(name))


def word(value: int) -> bytes:
    return value.to_bytes(32)


def hashed(*parts: bytes) -> int:
    return int.from_bytes(keccak(b"".join(parts)))


def at(place: Place) -> tuple[int, int, int]:
    return place.slot, place.offset, place.size


def test_plain_variables_and_their_offsets() -> None:
    exchange = ours("Exchange")
    variables = {entry["label"]: entry for entry in layout_of("Exchange")["storage"]}
    for label, size in (("journalHead", 32), ("_consumingSchedule", 1), ("treasury", 20)):
        assert at(exchange.place(label)) == (int(variables[label]["slot"]), variables[label]["offset"], size)
    assert exchange.place("_consumingSchedule").offset == 20, "beside an address"
    assert exchange.place("journalHead").key == word(exchange.place("journalHead").slot)


def test_mappings() -> None:
    participants = ours("Participants")
    slot = hashed(word(0)[:12], ACCOUNT, participants.place("_participants").key)
    assert at(participants.place("_participants", ACCOUNT)) == (slot, 0, 32)
    assert at(participants.place("_participants", ACCOUNT, "validUntil")) == (slot, 5, 5)
    assert at(participants.place("_participants", ACCOUNT, "suspendedUntil")) == (slot, 10, 5)


def test_nested_mappings_and_structs() -> None:
    listings, reviews, exchange = ours("Listings"), ours("Reviews"), ours("Exchange")
    version = hashed(word(2), word(hashed(word(7), listings.place("_versions").key)))
    assert at(listings.place("_versions", 7, 2))[:2] == (version, 0)
    assert at(listings.place("_versions", 7, 2, "root")) == (version, 0, 32)
    assert at(listings.place("_versions", 7, 2, "depositId")) == (version + 2, 0, 32)
    assert at(listings.place("_versions", 7, 2, "size")) == (version + 3, 0, 8)
    assert at(listings.place("_versions", 7, 2, "region")) == (version + 3, 8, 2)
    review = hashed(word(4), word(hashed(word(2), word(hashed(word(7), reviews.place("_attestations").key)))))
    assert at(reviews.place("_attestations", 7, 2, 4, "evidence")) == (review + 1, 0, 32)
    owed = hashed(word(0)[:12], ACCOUNT, word(hashed(word(1), exchange.place("owed").key)))
    assert at(exchange.place("owed", 1, ACCOUNT)) == (owed, 0, 32)


def test_user_defined_types() -> None:
    licence, licences, listings = 1 << 48 | 1, ours("Licences"), ours("Listings")
    slot = hashed(word(licence), licences.place("_licences").key)
    assert at(licences.place("_licences", licence)) == (slot, 0, 32)
    assert at(licences.place("_licences", licence, "version")) == (slot, 0, 3)
    assert at(licences.place("_licences", licence, "status")) == (slot, 21, 1)
    assert at(licences.place("_licences", licence, "deadline")) == (slot, 27, 5)
    assert (
        listings.place("_plans", 1 << 16, "terms").slot
        == hashed(word(1 << 16), listings.place("_plans").key) + 2
    )
    with pytest.raises(SlotError):
        licences.place("_licences", licence, "price")
    with pytest.raises(SlotError):
        licences.place("_licences", licence, "version", "price")


def test_packed_fields_are_as_the_contracts_shift_them() -> None:
    """contracts/types/*.sol: `uint256(status) << 168` and the like, in the order of the struct."""
    source = "".join(path.read_text() for path in (BINDINGS.parents[2] / "contracts/types").glob("*.sol"))
    for name, fields in PACKED.items():
        body = source.split(f"{name}.wrap(")[1].split(");")[0]
        shifts = [0, *(int(shift) for shift in re.findall(r"<<\s*(\d+)", body))]
        assert shifts == [8 * sum(list(fields.values())[:i]) for i in range(len(fields))]


def test_dynamic_arrays() -> None:
    anchor, listings = ours("LogAnchor"), ours("Listings")
    custodian = b"\xc5" * 20
    first = hashed(word(hashed(bytes(12) + b"\xc5" * 20 + anchor.place("_checkpoints").key)))
    assert at(anchor.place("_checkpoints", custodian, 0, "size")) == (first, 0, 8)
    assert at(anchor.place("_checkpoints", custodian, 3, "time")) == (first + 6, 8, 5)
    assert at(anchor.place("_checkpoints", custodian, 3, "root")) == (first + 7, 0, 32)
    upstream = hashed(word(hashed(word(9), listings.place("_upstreams").key)))
    assert at(listings.place("_upstreams", 9, 1, "licence"))[:2] == (upstream + 1, 0)


def value(name: str, size: int) -> dict[str, Any]:
    return {"encoding": "inplace", "label": name, "numberOfBytes": str(size)}


def mapping(key: str, to: str) -> dict[str, Any]:
    return {
        "encoding": "mapping",
        "key": key,
        "label": f"mapping({key} => {to})",
        "numberOfBytes": "32",
        "value": to,
    }


SYNTHETIC = Layout(
    {
        "storage": [
            {"label": label, "offset": 0, "slot": str(slot), "type": kind}
            for slot, (label, kind) in enumerate(
                [
                    ("small", "t_array(t_uint40)dyn_storage"),
                    ("fixed", "t_array(t_uint24)25_storage"),
                    ("wide", "t_array(t_struct(S)_storage)3_storage"),
                    ("grid", "t_array(t_array(t_uint24)25_storage)dyn_storage"),
                    ("bySelector", "t_mapping(t_bytes4,t_uint24)"),
                    ("byText", "t_mapping(t_string_memory_ptr,t_uint24)"),
                    ("byBytes", "t_mapping(t_bytes_memory_ptr,t_uint24)"),
                    ("bySigned", "t_mapping(t_int16,t_uint24)"),
                    ("byBool", "t_mapping(t_bool,t_uint24)"),
                    ("text", "t_string_storage"),
                    ("square", "t_array(t_array(t_uint24)25_storage)2_storage"),
                    *(
                        (f"of{bytes_}", f"t_array(t_uint{8 * bytes_})dyn_storage")
                        for bytes_ in (11, 12, 16, 17)
                    ),
                ]
            )
        ],
        "types": {
            "t_uint24": value("uint24", 3),
            **{f"t_uint{8 * bytes_}": value(f"uint{8 * bytes_}", bytes_) for bytes_ in (11, 12, 16, 17)},
            **{
                f"t_array(t_uint{8 * bytes_})dyn_storage": {
                    "base": f"t_uint{8 * bytes_}",
                    "encoding": "dynamic_array",
                    "label": f"uint{8 * bytes_}[]",
                    "numberOfBytes": "32",
                }
                for bytes_ in (11, 12, 16, 17)
            },
            "t_uint40": value("uint40", 5),
            "t_bool": value("bool", 1),
            "t_int16": value("int16", 2),
            "t_bytes4": value("bytes4", 4),
            "t_string_memory_ptr": {"encoding": "bytes", "label": "string", "numberOfBytes": "32"},
            "t_string_storage": {"encoding": "bytes", "label": "string", "numberOfBytes": "32"},
            "t_bytes_memory_ptr": {"encoding": "bytes", "label": "bytes", "numberOfBytes": "32"},
            "t_struct(S)_storage": {
                "encoding": "inplace",
                "label": "struct S",
                "members": [
                    {"label": "a", "offset": 0, "slot": "0", "type": "t_uint40"},
                    {"label": "b", "offset": 0, "slot": "1", "type": "t_uint40"},
                ],
                "numberOfBytes": "64",
            },
            "t_array(t_uint40)dyn_storage": {
                "base": "t_uint40",
                "encoding": "dynamic_array",
                "label": "uint40[]",
                "numberOfBytes": "32",
            },
            "t_array(t_uint24)25_storage": {
                "base": "t_uint24",
                "encoding": "inplace",
                "label": "uint24[25]",
                "numberOfBytes": "96",
            },
            "t_array(t_struct(S)_storage)3_storage": {
                "base": "t_struct(S)_storage",
                "encoding": "inplace",
                "label": "struct S[3]",
                "numberOfBytes": "192",
            },
            "t_array(t_array(t_uint24)25_storage)2_storage": {
                "base": "t_array(t_uint24)25_storage",
                "encoding": "inplace",
                "label": "uint24[25][2]",
                "numberOfBytes": "192",
            },
            "t_array(t_array(t_uint24)25_storage)dyn_storage": {
                "base": "t_array(t_uint24)25_storage",
                "encoding": "dynamic_array",
                "label": "uint24[25][]",
                "numberOfBytes": "32",
            },
            **{
                f"t_mapping({key},t_uint24)": mapping(key, "t_uint24")
                for key in ("t_bytes4", "t_string_memory_ptr", "t_bytes_memory_ptr", "t_int16", "t_bool")
            },
        },
    }
)


def test_packed_and_nested_arrays() -> None:
    assert at(SYNTHETIC.place("small", 5)) == (hashed(word(0)), 25, 5)
    assert at(SYNTHETIC.place("small", 6)) == (hashed(word(0)) + 1, 0, 5)
    assert at(SYNTHETIC.place("fixed", 9)) == (1, 27, 3)
    assert at(SYNTHETIC.place("fixed", 24)) == (1 + 2, 12, 3)
    assert at(SYNTHETIC.place("wide", 2, "b")) == (2 + 5, 0, 5)
    assert at(SYNTHETIC.place("grid", 2, 10)) == (hashed(word(3)) + 2 * 3 + 1, 0, 3)
    assert at(SYNTHETIC.place("square", 1, 10)) == (10 + 3 + 1, 0, 3)


@pytest.mark.parametrize(("size", "of_three"), [(11, (1, 11)), (12, (1, 12)), (16, (1, 16)), (17, (3, 0))])
def test_elements_share_a_slot_when_they_fit(size: int, of_three: tuple[int, int]) -> None:
    place = SYNTHETIC.place(f"of{size}", 3)
    first = hashed(SYNTHETIC.place(f"of{size}").key)
    assert (place.slot - first, place.offset) == of_three


def test_every_kind_of_key() -> None:
    assert SYNTHETIC.place("bySelector", b"\1\2\3\4").slot == hashed(b"\1\2\3\4" + bytes(28), word(4))
    assert SYNTHETIC.place("byText", "Việt Nam").slot == hashed("Việt Nam".encode(), word(5))
    assert SYNTHETIC.place("byBytes", b"ab").slot == hashed(b"ab", word(6))
    assert SYNTHETIC.place("bySigned", -2).slot == hashed(b"\xff" * 31 + b"\xfe", word(7))
    for signed in (-32_768, 0, 32_767):
        assert SYNTHETIC.place("bySigned", signed).slot == hashed(signed.to_bytes(32, signed=True), word(7))
    assert SYNTHETIC.place("byBool", True).slot == hashed(word(1), word(8))
    assert SYNTHETIC.place("byBool", False).slot == hashed(word(0), word(8))


def test_reading() -> None:
    fields = {
        "roles": 3,
        "jurisdiction": 0x564E,
        "publicBody": 1,
        "validUntil": 0xFFFFFFFF,
        "suspendedUntil": 0x42,
    }
    packed = int.from_bytes(bytes.fromhex("0000000042" + "00ffffffff" + "01" + "564e" + "0003"))
    for name, expected in fields.items():
        assert ours("Participants").place("_participants", ACCOUNT, name).read(packed) == expected
    assert ours("Exchange").place("journalHead").read((1 << 256) - 1) == (1 << 256) - 1
    with pytest.raises(SlotError):
        SYNTHETIC.place("wide").read(1)


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("nothing", ()),
        ("text", (0,)),
        ("small", (-1,)),
        ("small", (1 << 64,)),
        ("small", ("0",)),
        ("small", (0, 0)),
        ("fixed", (25,)),
        ("square", (2,)),
        ("wide", (0, "c")),
        ("wide", (0, 1)),
        ("bySelector", (b"\1\2\3",)),
        ("bySelector", (1,)),
        ("byText", (b"ab",)),
        ("byBytes", ("ab",)),
        ("bySigned", (-32_769,)),
        ("bySigned", (32_768,)),
        ("bySigned", (b"\1",)),
        ("byBool", (2,)),
        ("byBool", ("true",)),
    ],
)
def test_refuses(variable: str, path: tuple[int | bytes | str, ...]) -> None:
    with pytest.raises(SlotError):
        SYNTHETIC.place(variable, *path)


@pytest.mark.parametrize("key", [ACCOUNT[1:], bytes(32), "0x" + ACCOUNT.hex(), -1, 1 << 160])
def test_refuses_what_is_no_address(key: int | bytes | str) -> None:
    with pytest.raises(SlotError):
        ours("Participants").place("_participants", key)


def test_a_contract_without_storage() -> None:
    with pytest.raises(SlotError):
        ours("RulePack").place("anything")
