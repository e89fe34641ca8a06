"""Ciphertext on its way, in sections (see `ledger.services.uploads`). Positions and sizes in bytes."""

from dataclasses import dataclass


class SectionMisplaced(Exception):
    """The section does not lie at blocks, overlaps another, or is of another whole."""


class OffsetMismatch(Exception):
    """The section goes on elsewhere."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the section goes on at {offset}")
        self.facts = {"offset": offset}


class ChecksumMismatch(Exception):
    """The bytes are not those that their sender says."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole blocks that have arrived, at `start` of the ciphertext: their object, their leaf hashes, and the
    message header when block 0 is among them."""

    start: int
    size: int
    object: str
    header: bytes
    leaves: bytes


@dataclass(frozen=True, slots=True)
class Section:
    """The bytes [start, start + size) of the `total` of a deposit, and the parts of it that are there."""

    id: bytes
    deposit: bytes
    start: int
    size: int
    total: int
    parts: tuple[Part, ...] = ()

    @property
    def offset(self) -> int:
        """How much has arrived."""
        return sum(part.size for part in self.parts)

    @property
    def complete(self) -> bool:
        return self.offset == self.size
