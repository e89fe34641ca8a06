"""What certificates are about, and what the exchange keeps of them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """`kind` is licence, payment or listing; `id` the licence's or the listing's, `version` of a listing."""

    kind: str
    id: int
    version: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a claim names it."""
        if self.kind == "listing":
            return {"type": self.kind, "listing": str(self.id), "version": {"number": self.version}}
        return {"type": self.kind, "licence": str(self.id)}


@dataclass(frozen=True, slots=True)
class Stored:
    """A certificate that is kept, as of `block`, under the SHA-256 of its bytes."""

    block: int
    digest: bytes
    size: int

    @property
    def name(self) -> str:
        """Of its object."""
        return f"evidence/{self.digest.hex()}"


class EvidenceUnknown(Exception):
    """No certificate of this subject is kept, or none so early."""
