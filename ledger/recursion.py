"""How deep Python may recurse: a limit of the process, for every program that reads what others wrote."""

import json
import sys
from collections.abc import Callable
from typing import Any, Final

import py_ecc  # noqa: F401 - imported first, or it would lift the limit later

LIMIT: Final = 1000


def limit_recursion() -> None:
    """py_ecc, which eth-account imports, lifts it to 100,000: nested JSON would overflow the C stack."""
    sys.setrecursionlimit(LIMIT)


def parse_json(
    text: bytes | bytearray, *, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """`json.loads`, within the limit whoever lifted it. Raises ValueError, RecursionError."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, 3 * LIMIT))
    try:
        return json.loads(text, object_pairs_hook=pairs)
    finally:
        sys.setrecursionlimit(limit)
