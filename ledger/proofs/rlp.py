"""Recursive Length Prefix (Yellow Paper, appendix B), canonical only: every item has exactly one encoding.

An item is a string of bytes or a list of items. Refused: a length in more bytes than it needs, the long form
for what fits the short one, a prefix before a single byte below 0x80, bytes missing or left over, and nesting
beyond `DEPTH`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from ledger.proofs.error import ProofError

DEPTH: Final = 32
"""Ethereum nests five deep at most; what a stranger sends must not exhaust the stack."""

Item: TypeAlias = "bytes | list[Item]"
Encodable: TypeAlias = "bytes | Sequence[Encodable]"


class RlpError(ProofError):
    """Not the canonical encoding of one item, or an item of another shape than asked for."""


def encode(item: Encodable) -> bytes:
    """The encoding of a string or of a list, which any other sequence counts as."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(0x80, len(item)) + item
    return encode_list(map(encode, item))


def encode_list(items: Iterable[bytes]) -> bytes:
    """The encoding of a list whose items are encoded already."""
    body = b"".join(items)
    return _prefix(0xC0, len(body)) + body


def decode(data: bytes) -> Item:
    """The one item that `data` encodes. Raises RlpError."""
    items = _items(data, 0, len(data), DEPTH)
    if len(items) != 1:
        raise RlpError(f"{len(items)} items where one is expected")
    return items[0]


def encode_int(value: int) -> bytes:
    """The string that stands for a number: big-endian, no leading zero, empty for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def as_int(item: Item, size: int = 32) -> int:
    """The number that a string of at most `size` bytes stands for. Raises RlpError."""
    data = as_bytes(item)
    if len(data) > size:
        raise RlpError(f"a number of {len(data)} bytes: at most {size} are expected")
    if data[:1] == b"\0":
        raise RlpError("a number with a leading zero")
    return int.from_bytes(data)


def as_bytes(item: Item, size: int | None = None) -> bytes:
    """The string, of `size` bytes when given. Raises RlpError."""
    if not isinstance(item, bytes):
        raise RlpError("a list where a string is expected")
    if size is not None and len(item) != size:
        raise RlpError(f"a string of {len(item)} bytes where {size} are expected")
    return item


def as_list(item: Item, size: int | None = None) -> list[Item]:
    """The list, of `size` items when given. Raises RlpError."""
    if not isinstance(item, list):
        raise RlpError("a string where a list is expected")
    if size is not None and len(item) != size:
        raise RlpError(f"a list of {len(item)} items where {size} are expected")
    return item


@lru_cache(maxsize=1 << 12)
def _prefix(base: int, length: int) -> bytes:
    if length < 56:
        return bytes((base + length,))
    size = encode_int(length)
    return bytes((base + 55 + len(size),)) + size


def _items(data: bytes, at: int, end: int, depth: int) -> list[Item]:
    """The items that stand in ``data[at:end]``, one after the other."""
    if not depth:
        raise RlpError(f"nested deeper than {DEPTH}")
    items: list[Item] = []
    while at < end:
        first = data[at]
        if first < 0x80:
            items.append(data[at : at + 1])
            at += 1
            continue
        if first < 0xB8:  # the commonest by far, hence not left to _span
            start, stop = at + 1, at + first - 0x7F
            if first == 0x81 and start < end and data[start] < 0x80:
                raise RlpError("a single byte below 0x80 stands for itself")
        else:
            start, stop = _span(data, at, end)
        if stop > end:
            raise RlpError(f"an item of {stop - start} bytes where {end - start} are left")
        items.append(data[start:stop] if first < 0xC0 else _items(data, start, stop, depth - 1))
        at = stop
    return items


def _span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the content of the long string or of the list at `at` starts and stops."""
    first = data[at]
    if 0xC0 <= first < 0xF8:
        return at + 1, at + first - 0xBF
    start = at + 1 + first - (0xB7 if first < 0xC0 else 0xF7)
    if start > end:
        raise RlpError("the length is cut off")
    if data[at + 1] == 0:
        raise RlpError("a length with a leading zero")
    length = int.from_bytes(data[at + 1 : start])
    if length < 56:
        raise RlpError(f"the long form for {length} bytes")
    return start, start + length
