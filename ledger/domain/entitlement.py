"""What the chain says about a licence, and at which block."""

from dataclasses import dataclass


class Undecidable(Exception):
    """The chain gave no answer that may be acted on; nothing is released."""


class NodeUnreachable(Undecidable):
    """The node did not answer, or not sensibly."""


class NodeStale(Undecidable):
    """The newest final block of the node is too old."""


@dataclass(frozen=True, slots=True)
class Block:
    """A final block; `time` in Unix seconds."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of `Licences.entitlement` at `block`. `denial` is the reason's name on chain, None when
    entitled; the rest says what the licence is for: a listing version and the payload behind it."""

    licence: int
    account: bytes
    block: Block
    denial: str | None
    listing: int = 0
    version: int = 0
    plan: int = 0
    expires_at: int = 0
    uses_left: int = 0
    flags: int = 0
    root: bytes = bytes(32)
    size: int = 0
    deposit: bytes = bytes(32)
