"""RLP: examples of the Yellow Paper and ethereum.org, invalid ones of ethereum/tests, the rest by rule."""

from collections.abc import Callable

import pytest

from ledger.proofs import rlp
from ledger.proofs.rlp import Encodable, RlpError

KNOWN: list[tuple[Encodable, str]] = [
    (b"", "80"),
    (b"\0", "00"),
    (b"\x0f", "0f"),
    (b"\x04\x00", "820400"),
    (b"\x7f", "7f"),
    (b"\x80", "8180"),
    (b"dog", "83646f67"),
    ([b"cat", b"dog"], "c88363617483646f67"),
    ([], "c0"),
    ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
    (
        b"Lorem ipsum dolor sit amet, consectetur adipisicing elit",
        "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963"
        "696e6720656c6974",
    ),
    (b"a" * 55, "b7" + "61" * 55),
    (b"a" * 1024, "b90400" + "61" * 1024),
    ([b"a" * 55], "f838b7" + "61" * 55),
    ([b"ab"] * 300, "f90384" + "826162" * 300),
]

INVALID = {  # RLPTests/invalidRLPTest.json of ethereum/tests
    "int32Overflow": "bf0f000000000000021111",
    "int32Overflow2": "ff0f000000000000021111",
    "wrongSizeList": "f80180",
    "wrongSizeList2": "f80100",
    "incorrectLengthInArray": "b9002100dc2b275d0f74e8a53e6f4ec61b27f24278820be3f82ea2110e582081b0565df0",
    "bytesShouldBeSingleByte00": "8100",
    "bytesShouldBeSingleByte01": "8101",
    "bytesShouldBeSingleByte7F": "817f",
    "leadingZerosInLongLengthArray1": "b90040" + bytes(range(64)).hex(),
    "leadingZerosInLongLengthArray2": "b800",
    "leadingZerosInLongLengthList1": "fb00000040" + bytes(range(64)).hex(),
    "leadingZerosInLongLengthList2": "f800",
    "nonOptimalLongLengthArray1": "b81000112233445566778899aabbccddeeff",
    "nonOptimalLongLengthArray2": "b801ff",
    "nonOptimalLongLengthList1": "f810000102030405060708090a0b0c0d0e0f",
    "nonOptimalLongLengthList2": "f803112233",
    "fifty-five bytes in the long form": "b837" + "61" * 55,
    "nothing": "",
    "two items": "0101",
    "an item and a tail": "c000",
    "a string cut off": "83646f",
    "a single byte cut off": "81",
    "a list cut off": "c883636174",
    "an item longer than its list": "c283646f67",
    "a length cut off": "b9",
    "a long string cut off": "b838" + "61" * 55,
    "a list longer than its list": "c2c3616161",
}


@pytest.mark.parametrize(("item", "encoded"), KNOWN)
def test_known_answers(item: Encodable, encoded: str) -> None:
    assert rlp.encode(item).hex() == encoded
    assert rlp.decode(bytes.fromhex(encoded)) == item


def test_a_tuple_is_a_list() -> None:
    assert rlp.encode((b"cat", (b"dog",))) == rlp.encode([b"cat", [b"dog"]])


@pytest.mark.parametrize("encoded", INVALID.values(), ids=INVALID)
def test_refuses(encoded: str) -> None:
    with pytest.raises(RlpError):
        rlp.decode(bytes.fromhex(encoded))


def test_every_length_around_the_limits() -> None:
    for length in (0, 1, 2, 54, 55, 56, 57, 255, 256, 257, 65_535, 65_536):
        for item in (b"\xff" * length, [b"\x01"] * length):
            assert rlp.decode(rlp.encode(item)) == item


def test_depth_has_an_end() -> None:
    item: rlp.Item = []
    for _ in range(rlp.DEPTH - 2):
        item = [item]
    assert rlp.decode(rlp.encode(item)) == item
    with pytest.raises(RlpError):
        rlp.decode(rlp.encode([item]))
    with pytest.raises(RlpError):  # a megabyte of openings does not exhaust the stack
        rlp.decode(b"\xfa\x0f\xff\xff" + b"\xc1" * 0x0FFFFF)


@pytest.mark.parametrize(
    ("value", "data"), [(0, b""), (1, b"\1"), (127, b"\x7f"), (256, b"\1\0"), (2**64, b"\1" + bytes(8))]
)
def test_numbers(value: int, data: bytes) -> None:
    assert rlp.encode_int(value) == data
    assert rlp.as_int(data) == value


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda: rlp.as_int(b"\0"), "a number with a leading zero"),
        (lambda: rlp.as_int(b"\0\1"), "a number with a leading zero"),
        (lambda: rlp.as_int(b"\1" * 33), "a number of 33 bytes: at most 32 are expected"),
        (lambda: rlp.as_int(b"\1\0\0", 2), "a number of 3 bytes: at most 2 are expected"),
        (lambda: rlp.as_int([]), "a list where a string is expected"),
        (lambda: rlp.as_bytes([]), "a list where a string is expected"),
        (lambda: rlp.as_bytes(b"abc", 4), "a string of 3 bytes where 4 are expected"),
        (lambda: rlp.as_list(b""), "a string where a list is expected"),
        (lambda: rlp.as_list([b""], 2), "a list of 1 items where 2 are expected"),
    ],
)
def test_what_has_another_shape_is_refused_by_its_name(refused: Callable[[], object], words: str) -> None:
    with pytest.raises(RlpError) as error:
        refused()
    assert str(error.value) == words


def test_shapes_are_asked_for() -> None:
    assert rlp.as_int(b"\1" * 32) == int.from_bytes(b"\1" * 32)
    assert rlp.as_int(b"\1\0", 2) == 256
    assert rlp.as_bytes(b"abc", 3) == b"abc"
    assert rlp.as_list([b""], 1) == [b""]
