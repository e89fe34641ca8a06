"""JSON with one spelling (RFC 8785), of what the formats here hold: objects, arrays, ASCII strings without
brackets or braces, booleans, null, integers below 2^53."""

import json
from typing import Any, Final, NoReturn, TypeAlias

Json: TypeAlias = Any

DEPTH: Final = 24
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_LARGEST: Final = (1 << 53) - 1


def dumps(value: Json) -> bytes:
    """The canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def loads(data: bytes) -> Json:
    """Any JSON that is not nested deeper than `DEPTH`, on which the parser could exhaust the stack, and whose
    numbers are whole and below 2^53: no other parser rounds them.

    Raises ValueError. Whether it was canonical, `dumps` tells.
    """
    depth = 0
    for bracket in data.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise ValueError(f"nested deeper than {DEPTH}")
    return json.loads(data, parse_int=_whole, parse_float=_no_number, parse_constant=_no_number)


def _whole(text: str) -> int:
    return value if abs(value := int(text)) <= _LARGEST else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no whole number below 2^53")
