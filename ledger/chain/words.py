"""Values of one ABI word (32 bytes) by hand, some ten times as fast as eth-abi: an index does little else.

Only what is right is done here; whatever is not gets a ValueError, and eth-abi, asked again, says what.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from eth_utils.address import to_checksum_address

WORD: Final = 32
_PADDING: Final = bytes(WORD)


class Word(NamedTuple):
    """How a type's value is read from a word, and written as one. Both raise ValueError."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]


def word(spec: object) -> Word | None:
    """Of an elementary type by its Solidity name, or an enum; None for what takes more, or has a sign."""
    if isinstance(spec, type) and issubclass(spec, IntEnum):
        return _enum(spec)
    if not isinstance(spec, str):
        return None
    if spec == "address":
        return Word(_read_address, _write_address)
    if spec == "bool":
        return Word(_read_bool, _write_bool)
    if spec.startswith("uint") and spec[4:].isdecimal():
        return _uint(int(spec[4:]))
    if spec.startswith("bytes") and spec[5:].isdecimal():
        return _bytes(int(spec[5:]))
    return None


def _uint(bits: int) -> Word:
    limit = 1 << bits

    def read(data: bytes) -> int:
        value = int.from_bytes(data)
        if value >= limit:
            raise ValueError("a number too large")
        return value

    def write(value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
            raise ValueError("not a number of the type")
        return value.to_bytes(WORD)

    return Word(read, write)


def _bytes(size: int) -> Word:
    padding = bytes(WORD - size)

    def read(data: bytes) -> bytes:
        if data[size:] != padding:
            raise ValueError("padding that is not zero")
        return data[:size]

    def write(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise ValueError("not bytes of the type")
        return value + padding

    return Word(read, write)


def _enum(kind: type[IntEnum]) -> Word:
    members = {member.value.to_bytes(WORD): member for member in kind}

    def read(data: bytes) -> IntEnum:
        if (found := members.get(data)) is None:
            raise ValueError("no member of the enum")
        return found

    return Word(read, lambda value: int(kind(value)).to_bytes(WORD))


def _read_bool(data: bytes) -> bool:
    if data[:-1] != _PADDING[1:] or data[-1] > 1:
        raise ValueError("neither true nor false")
    return data[-1] == 1


def _write_bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value.to_bytes(WORD)


@lru_cache(maxsize=1 << 16)
def _read_address(data: bytes) -> str:
    if any(data[:12]):
        raise ValueError("padding that is not zero")
    return to_checksum_address(data[12:])


@lru_cache(maxsize=1 << 16)
def _write_address(value: Any) -> bytes:
    if not isinstance(value, str) or len(value) != 42 or value[:2] != "0x":
        raise ValueError("not an address")
    if value != value.lower() and value != to_checksum_address(value.lower()):
        raise ValueError("a wrong checksum")
    return _PADDING[:12] + bytes.fromhex(value[2:])
