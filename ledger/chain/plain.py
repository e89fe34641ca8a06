"""Arguments of events and fields of structs as JSON.

uint48 and less    number            bytes2      its two letters (ISO 3166-1 alpha-2)
larger             decimal text      bytes…      0x, lower case
enum               name, lower case  struct      an object
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from ledger.chain.abi import Array, Event, Param, Spec, Struct

EXACT: Final = 48
"""Most bits of a number that every reader of JSON keeps exactly, among Solidity's sizes."""


def arguments(event: Event) -> dict[str, Any]:
    """All arguments by name, in declared order."""
    return fields(event.abi_params, event)


def fields(params: Sequence[Param], found: Any) -> dict[str, Any]:
    return {param.name.rstrip("_"): plain(param.spec, getattr(found, param.name)) for param in params}


def plain(spec: Spec, value: Any) -> Any:
    if isinstance(spec, Array):
        return [plain(spec.of, element) for element in value]
    if isinstance(spec, type):
        if issubclass(spec, Struct):
            return fields(spec.abi_params, value)
        return spec(value).name.lower() if issubclass(spec, IntEnum) else value
    if spec == "bytes2":
        return value.decode("ascii", "replace").rstrip("\0")
    if spec.startswith("bytes"):
        return f"0x{value.hex()}"
    if spec.startswith(("uint", "int")):
        return value if int(spec.lstrip("uint")) <= EXACT else str(value)
    return value
