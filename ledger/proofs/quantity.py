"""The two notations of JSON-RPC (execution-apis): `0x` and hexadecimal digits, of a number or of bytes."""

import re
from functools import lru_cache
from typing import Final

from ledger.proofs.error import ProofError

_WORD: Final = 66
"""Characters of 32 bytes."""
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]*)")


class BadQuantity(ProofError):
    """Not a value in JSON-RPC's notation."""


def int_of(value: object) -> int:
    """The number: no leading zero. Raises BadQuantity."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise BadQuantity(f"not a number: {str(value)[:80]!r}")
    return int(value, 16)


def bytes_of(value: object, size: int | None = None) -> bytes:
    """The bytes, `size` of them when given. Raises BadQuantity."""
    if not isinstance(value, str):
        raise BadQuantity(f"not bytes: {str(value)[:80]!r}")
    data = _word(value) if len(value) <= _WORD else _bytes(value)
    if size is not None and len(data) != size:
        raise BadQuantity(f"{len(data)} bytes where {size} are expected")
    return data


def _bytes(value: str) -> bytes:
    if value[:2] != "0x":
        raise BadQuantity(f"not bytes: {value[:80]!r}")
    try:
        data = bytes.fromhex(value[2:])
    except ValueError:
        raise BadQuantity(f"not bytes: {value[:80]!r}") from None
    if 2 + 2 * len(data) != len(value):  # fromhex passes over white space
        raise BadQuantity(f"not bytes: {value[:80]!r}")
    return data


_word = lru_cache(maxsize=1 << 12)(_bytes)  # the addresses and hashes of a block come again and again
