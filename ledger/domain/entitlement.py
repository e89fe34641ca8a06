"""What the chain says about a licence, and at which block."""

from dataclasses import dataclass
from typing import Final

UNMETERED: Final = 2**32 - 1
"""`uses_left` under a plan without a quota."""

STREAMING: Final = 8
"""The flag of plans under which the vault may decrypt for the holder (`Market.sol`)."""

QUOTA_SPENT: Final = "QuotaSpent"
"""The denial that the chain gives last: nothing else stands against the account."""


class Undecidable(Exception):
    """The chain gave no answer that may be acted on; nothing is released."""


class NodeUnreachable(Undecidable):
    """The node did not answer, or not sensibly."""


class NodeStale(Undecidable):
    """The newest final block of the node is too old."""


class NodesDisagree(Undecidable):
    """Nodes that are asked the same give different answers: one of them lies, or is on another chain."""


class UseRefused(Exception):
    """The chain refuses to count a use (R05); `reason` is the name of its error."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the chain does not count this use: {reason}")
        self.facts = {"reason": reason}


class UseUncounted(Exception):
    """It is not known to be on chain that a use was counted; it may still come there."""


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

    @property
    def metered(self) -> bool:
        """Whether the plan has a quota, so that a release counts as a use."""
        return self.uses_left != UNMETERED
