"""How deep Python may recurse: a limit of the process, for every program that reads what others wrote."""

import sys
from typing import Final

import py_ecc  # noqa: F401 - imported first, or it would lift the limit later

LIMIT: Final = 1000


def limit_recursion() -> None:
    """py_ecc, which eth-account imports, lifts it to 100,000: nested JSON would overflow the C stack."""
    sys.setrecursionlimit(LIMIT)
