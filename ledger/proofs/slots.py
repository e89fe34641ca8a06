"""Where a contract keeps a variable: slots derived from the compiler's storage layout.

The layout is `storageLayout` as solc prints it, which the bindings pin in `ledger/chain/bindings/*.json`
(Solidity documentation, "Layout of State Variables in Storage"). A path is the variable's label, then for
each step down a mapping's key, an array's index or a struct member's label:

    Layout(storage).place("_participants", address, "validUntil")

A value type that packs several fields into one word, of which the compiler knows nothing, is stepped into
like a struct: `PACKED` says what it holds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.proofs.error import ProofError
from ledger.proofs.keccak import keccak

WORD: Final = 32
_SLOTS: Final = 1 << 256

PACKED: Final[Mapping[str, Mapping[str, int]]] = {
    "PackedLicence": {
        "version": 3,
        "issuedAt": 5,
        "expiresAt": 5,
        "used": 4,
        "pack": 3,
        "byBank": 1,
        "status": 1,
        "order": 1,
        "feeBps": 2,
        "taxBps": 2,
        "deadline": 5,
    },
    "PackedParticipant": {
        "roles": 2,
        "jurisdiction": 2,
        "publicBody": 1,
        "validUntil": 5,
        "suspendedUntil": 5,
    },
    "PackedClass": {"importance": 1, "sharing": 1, "subject": 1, "personal": 1},
}
"""The fields of `contracts/types/*.sol` in declared order, the first in the lowest bytes, and their bytes."""


class SlotError(ProofError):
    """The layout has no such variable, key or element."""


@dataclass(frozen=True, slots=True)
class Place:
    """`size` bytes of slot `slot`, from the `offset`-th lowest on, that hold a value of type `kind`.

    Of a mapping it is the slot its keys are hashed with, of a dynamic array the one that holds its length; of
    a struct, a fixed array or a long string, where it begins.
    """

    slot: int
    offset: int
    size: int
    kind: str

    @property
    def key(self) -> bytes:
        """The slot as 32 bytes."""
        return self.slot.to_bytes(WORD)

    def read(self, word: int) -> int:
        """The value, from the slot's word; its bytes as an unsigned number. Raises SlotError."""
        if self.size > WORD:
            raise SlotError(f"{self.kind} is more than one word")
        return word >> 8 * self.offset & (1 << 8 * self.size) - 1


class Layout:
    """The storage layout of one contract."""

    def __init__(self, storage: Mapping[str, Any]) -> None:
        self._types: Mapping[str, Any] = storage["types"] or {}
        self._variables = {entry["label"]: entry for entry in storage["storage"]}

    def place(self, variable: str, *path: int | bytes | str) -> Place:
        """Where `variable` is, or what `path` leads to in it. Raises SlotError.

        Keys and indices are numbers, or bytes for an `address` (20), `bytesN` (N), `bytes` or `string`. A
        user-defined value type is keyed by number: the layout does not tell what it stands for, and no
        `bytesN` shorter than a word does so here.
        """
        if (entry := self._variables.get(variable)) is None:
            raise SlotError(f"there is no variable {variable}")
        place = self._place(entry["type"], int(entry["slot"]), entry["offset"])
        for step in path:
            place = self._step(place, step)
        return place

    def _place(self, kind: str, slot: int, offset: int) -> Place:
        return Place(slot % _SLOTS, offset, int(self._types[kind]["numberOfBytes"]), kind)

    def _step(self, place: Place, step: int | bytes | str) -> Place:
        shape = self._types.get(place.kind) or {"label": place.kind, "encoding": "inplace"}
        if shape["encoding"] == "mapping":
            slot = _number(keccak(self._key(shape["key"], step) + place.key))
            return self._place(shape["value"], slot, 0)
        if "members" in shape:
            for member in shape["members"]:
                if member["label"] == step:
                    return self._place(member["type"], place.slot + int(member["slot"]), member["offset"])
            raise SlotError(f"{shape['label']} has no member {step!r}")
        if "base" in shape:
            return self._element(place, shape, step)
        if shape["label"] in PACKED:
            return self._packed(place, PACKED[shape["label"]], step)
        raise SlotError(f"nothing is in a {shape['label']}")

    def _packed(self, place: Place, sizes: Mapping[str, int], step: int | bytes | str) -> Place:
        offset = place.offset
        for field, size in sizes.items():
            if field == step:
                return Place(place.slot, offset, size, f"{place.kind}.{field}")
            offset += size
        raise SlotError(f"{place.kind} has no field {step!r}")

    def _element(self, place: Place, shape: Mapping[str, Any], index: int | bytes | str) -> Place:
        dynamic = shape["encoding"] == "dynamic_array"
        count = 1 << 64 if dynamic else int(shape["label"].rpartition("[")[2].rstrip("]"))
        if not isinstance(index, int) or not 0 <= index < count:
            raise SlotError(f"{shape['label']} has no element {index!r}")
        first = _number(keccak(place.key)) if dynamic else place.slot
        size = int(self._types[shape["base"]]["numberOfBytes"])
        if size > WORD // 2:
            return self._place(shape["base"], first + index * -(-size // WORD), 0)
        slot, rest = divmod(index, WORD // size)
        return self._place(shape["base"], first + slot, rest * size)

    def _key(self, kind: str, key: int | bytes | str) -> bytes:
        """A mapping's key as it is hashed."""
        shape = self._types[kind]
        size = int(shape["numberOfBytes"])
        if shape["encoding"] == "bytes":
            if isinstance(key, str if kind.startswith("t_string") else bytes):
                return key.encode() if isinstance(key, str) else key
        elif fixed := re.fullmatch(r"t_bytes(\d+)", kind):
            if isinstance(key, bytes) and len(key) == int(fixed[1]):
                return key.ljust(WORD, b"\0")
        elif isinstance(key, bytes):
            if len(key) == size == 20:
                return key.rjust(WORD, b"\0")
        elif isinstance(key, int):
            signed = re.fullmatch(r"t_int\d+", kind) is not None
            bits = 1 if kind == "t_bool" else 8 * size
            low, high = (-1 << bits - 1, 1 << bits - 1) if signed else (0, 1 << bits)
            if low <= key < high:
                return (key % _SLOTS).to_bytes(WORD)
        raise SlotError(f"{key!r} is no {shape['label']}")


def _number(digest: bytes) -> int:
    return int.from_bytes(digest)
