"""How the parts of an exchange that can differ from each other stand."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node calls its newest final block, None when it does not answer.

    `agrees`: whether it has the block that our own node has, at the lowest height that is final for all that
    answer; None where that cannot be said.
    """

    block: int | None
    hash: bytes | None
    agrees: bool | None
