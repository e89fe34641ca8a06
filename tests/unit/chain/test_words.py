"""The words made by hand against eth-abi: the same values, the same bytes, the same refusals."""

from enum import IntEnum
from typing import Any

import pytest
from eth_abi.abi import decode as other_decode
from eth_abi.abi import encode as other_encode
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain import abi
from ledger.chain.abi import AbiError, decode, encode
from ledger.chain.words import word

SPECS = ["address", "bool", "uint8", "uint24", "uint40", "uint96", "uint256", "bytes2", "bytes16", "bytes32"]


class Colour(IntEnum):
    RED = 0
    GREEN = 1
    BLUE = 2


class Inner(abi.Struct, frozen=True):
    flag: bool
    text: bytes

    abi_params = (abi.Param("flag", "bool"), abi.Param("text", "bytes16"))


class Outer(abi.Struct, frozen=True):
    small: int
    inner: Inner
    account: str

    abi_params = (abi.Param("small", "uint8"), abi.Param("inner", Inner), abi.Param("account", "address"))


def values(spec: str) -> st.SearchStrategy[Any]:
    if spec == "address":
        return st.binary(min_size=20, max_size=20).map(to_checksum_address)
    if spec == "bool":
        return st.booleans()
    if spec.startswith("uint"):
        return st.integers(0, 2 ** int(spec[4:]) - 1)
    return st.binary(min_size=int(spec[5:]), max_size=int(spec[5:]))


rows = st.lists(st.sampled_from(SPECS), max_size=6).flatmap(
    lambda specs: st.tuples(st.just(tuple(specs)), st.tuples(*map(values, specs)))
)


@settings(max_examples=300, deadline=None)
@given(rows)
def test_what_eth_abi_makes(row: tuple[tuple[str, ...], tuple[Any, ...]]) -> None:
    specs, given_ = row
    data = encode(specs, given_)
    assert data == other_encode(specs, given_)
    assert decode(specs, data) == given_
    low = tuple(v.lower() if s == "address" else v for s, v in zip(specs, given_, strict=True))
    assert tuple(other_decode(specs, data)) == low


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([*SPECS, Colour]), st.one_of(st.binary(min_size=32, max_size=32), st.integers(0, 300)))
def test_any_word_is_read_or_refused_as_without_them(spec: Any, drawn: bytes | int) -> None:
    same_without(spec, drawn if isinstance(drawn, bytes) else drawn.to_bytes(32))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 300), st.integers(0, 2), st.one_of(st.just(bytes(16)), st.binary(min_size=16, max_size=16))
)
def test_a_struct_of_words_is_read_or_refused_as_without_them(small: int, flag: int, low: bytes) -> None:
    data = small.to_bytes(32) + flag.to_bytes(32) + b"\x01" * 16 + low + bytes(12) + b"\x02" * 20
    same_without(Outer, data)
    same_without(Outer, data[:-1])
    if small < 256 and flag < 2 and not any(low):
        assert encode((Outer,), decode((Outer,), data)) == data


def same_without(spec: Any, data: bytes) -> None:
    def outcome() -> Any:
        try:
            return decode((spec,), data)
        except AbiError:
            return AbiError

    by_hand = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(abi, "_row", lambda specs: None)
        assert outcome() == by_hand


def test_a_struct_of_words_is_written_by_hand() -> None:
    value = Outer(7, Inner(True, b"\x01" * 16), f"0x{'02' * 20}")
    by_hand = encode((Outer,), (value,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(abi, "abi_encode", lambda *of: pytest.fail("not by hand"))
        assert encode((Outer,), (value,)) == by_hand
    with pytest.raises(AbiError):
        encode((Outer,), (7,))


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("uint8", True),
        ("uint8", "1"),
        ("uint8", None),
        ("bool", 1),
        ("bool", None),
        ("bytes2", b"1"),
        ("bytes2", b"123"),
        ("bytes2", "12"),
        ("address", "0x" + "aB" * 20),
        ("address", "0x12"),
        ("address", None),
        (Colour, 3),
    ],
)
def test_values_of_another_type_are_refused(spec: Any, wrong: Any) -> None:
    with pytest.raises(AbiError):
        encode((spec,), (wrong,))
    made = word(spec)
    assert made is not None
    with pytest.raises((ValueError, TypeError)):
        made.write(wrong)


@pytest.mark.parametrize("spec", ["string", "bytes", "int8", "uint", abi.Array("uint8"), abi.Struct])
def test_what_takes_more_than_a_word_is_left_to_eth_abi(spec: Any) -> None:
    assert word(spec) is None


class Mixed(abi.Event, frozen=True):
    amount: int
    holder: str
    colour: Colour
    inner: Inner
    name: bytes

    topic0 = b"\1" * 32
    abi_name = "Mixed"
    abi_params = (
        abi.Param("amount", "uint96"),
        abi.Param("holder", "address", indexed=True),
        abi.Param("colour", Colour),
        abi.Param("inner", Inner),
        abi.Param("name", "bytes2", indexed=True),
    )


@given(st.integers(0, 2**96 - 1), st.binary(min_size=20, max_size=20), st.sampled_from(Colour), st.data())
def test_a_log_gives_the_words_that_its_journal_folds(
    amount: int, account: bytes, colour: Colour, data: st.DataObject
) -> None:
    inner = Inner(data.draw(st.booleans()), data.draw(st.binary(min_size=16, max_size=16)))
    event = Mixed(amount, to_checksum_address(account), colour, inner, b"vn")
    topics = [Mixed.topic0, bytes(12) + account, b"vn" + bytes(30)]
    plain = other_encode(
        ["uint96", "uint8", "(bool,bytes16)"], [amount, int(colour), (inner.flag, inner.text)]
    )
    assert Mixed.decode(topics, plain) == (event, event.journal_args())
    spoilt = data.draw(st.integers(0, len(plain) - 1))
    bad = plain[:spoilt] + bytes([plain[spoilt] ^ 0xFF]) + plain[spoilt + 1 :]
    try:
        again, args = Mixed.decode(topics, bad)
    except AbiError:
        return
    assert again != event
    assert args == again.journal_args()
