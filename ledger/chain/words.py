"""Values of a fixed number of ABI words (32 bytes) by hand, some ten times as fast as eth-abi.

Only what is right is done here; whatever is not gets a ValueError, and eth-abi, asked again, says what.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from struct import Struct
from typing import Any, Final, NamedTuple

from eth_utils.address import to_checksum_address

WORD: Final = 32
_PADDING: Final = bytes(WORD)


class Words(NamedTuple):
    """How a type's value is read from its `size` bytes, and written as such. Both raise ValueError."""

    size: int
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]


def word(spec: object) -> Words | None:
    """Of an elementary type by its Solidity name, or an enum; None for what takes more, or has a sign."""
    if isinstance(spec, type) and issubclass(spec, IntEnum):
        return _enum(spec)
    if not isinstance(spec, str):
        return None
    if spec == "address":
        return Words(WORD, _read_address, _write_address)
    if spec == "bool":
        return Words(WORD, _read_bool, _write_bool)
    if spec.startswith("uint") and spec[4:].isdecimal():
        return _uint(int(spec[4:]))
    if spec.startswith("bytes") and spec[5:].isdecimal():
        return _bytes(int(spec[5:]))
    return None


def row(parts: Sequence[Words]) -> Words:
    """Of a tuple: its values one after the other."""
    cells = Struct("".join(f"{part.size}s" for part in parts))
    readers = [part.read for part in parts]
    writers = [part.write for part in parts]

    def read(data: bytes) -> tuple[Any, ...]:
        return tuple([of(cell) for of, cell in zip(readers, cells.unpack(data), strict=True)])

    def write(values: Any) -> bytes:
        return b"".join([of(value) for of, value in zip(writers, values, strict=True)])

    return Words(cells.size, read, write)


def rearranged(parts: Sequence[Words], places: Sequence[int]) -> Callable[[bytes], tuple[list[Any], bytes]]:
    """Reads values that stand one after the other, each of a part, in another order: that of `places`. Gives
    them, and how they are written in this order: the same words, since none can be written in two ways."""
    ends = list(accumulate(part.size for part in parts))
    cells = [(parts[at].read, ends[at] - parts[at].size, ends[at]) for at in places]
    same, size = list(places) == sorted(places), sum(part.size for part in parts)

    def read(data: bytes) -> tuple[list[Any], bytes]:
        if len(data) != size:
            raise ValueError("too few or too many words")
        values = [of(data[since:until]) for of, since, until in cells]
        return values, data if same else b"".join([data[since:until] for _, since, until in cells])

    return read


def _uint(bits: int) -> Words:
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

    return Words(WORD, read, write)


def _bytes(size: int) -> Words:
    padding = bytes(WORD - size)

    def read(data: bytes) -> bytes:
        if data[size:] != padding:
            raise ValueError("padding that is not zero")
        return data[:size]

    def write(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise ValueError("not bytes of the type")
        return value + padding

    return Words(WORD, read, write)


def _enum(kind: type[IntEnum]) -> Words:
    members = {member.value.to_bytes(WORD): member for member in kind}

    def read(data: bytes) -> IntEnum:
        if (found := members.get(data)) is None:
            raise ValueError("no member of the enum")
        return found

    return Words(WORD, read, lambda value: int(kind(value)).to_bytes(WORD))


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
