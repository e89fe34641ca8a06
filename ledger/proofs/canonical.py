"""JSON with one spelling (RFC 8785), of what the formats here hold: objects, arrays, ASCII strings without
brackets or braces, booleans, null, integers below 2^53."""

import json
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any

DEPTH: Final = 24
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def dumps(value: Json) -> bytes:
    """The canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def loads(data: bytes) -> Json:
    """Any JSON that is not nested deeper than `DEPTH`, on which the parser could exhaust the stack.

    Raises ValueError. Whether it was canonical, `dumps` tells.
    """
    depth = 0
    for bracket in data.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise ValueError(f"nested deeper than {DEPTH}")
    return json.loads(data)
