"""Which blocks to apply, to revert and to call final: a pure state machine over one linked list of blocks.

    case = reconcile(chain, branch)         next, duplicate, gap or fork
    chain = advance(chain, case)            once what the case says is done
    chain, settled = finalise(chain, 120)

Nothing is asked of a node here, and nothing believed: whoever fetches blocks checks that each header hashes
to its link. What is final is never reverted: a node that asks for it gets BelowFinality, and the chain stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias


class ReconcileError(Exception):
    """Any refusal of this module."""


class BrokenBranch(ReconcileError):
    """The blocks offered are none, or not each the parent of the next."""


class BelowFinality(ReconcileError):
    """The node's chain leaves ours at or below the newest final block. Nothing was changed."""

    def __init__(self, number: int, ours: bytes, theirs: bytes) -> None:
        super().__init__(
            f"the index has stopped: block {number} is final here as 0x{ours.hex()}, and the node now says "
            f"it is 0x{theirs.hex()}. Nothing was changed. Either the node lies or serves another chain: "
            "connect to one that agrees with others, and start again. Or the chain was rewound below what it "
            "had called final, as a local one can be: set a deeper finality and run `socai index rebuild`"
        )
        self.number, self.ours, self.theirs = number, ours, theirs


@dataclass(frozen=True, slots=True)
class Link:
    """A block as a link of its chain; hashes are 32 bytes."""

    number: int
    hash: bytes
    parent: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """What is applied: the newest final block, and those after it, oldest first, linked."""

    final: Link
    unfinalised: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        _linked((self.final, *self.unfinalised))

    @property
    def tip(self) -> Link:
        """The newest block applied."""
        return self.unfinalised[-1] if self.unfinalised else self.final


@dataclass(frozen=True, slots=True)
class Next:
    """The blocks follow the tip. `apply`: oldest first."""

    apply: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """All of it is applied already."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The blocks numbered `first` to `last` are missing before the branch: offer it again after them."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Fork:
    """The chain goes on from an older block. `revert`: newest first; then `apply`: oldest first."""

    revert: tuple[Link, ...]
    apply: tuple[Link, ...]


Case: TypeAlias = Next | Duplicate | Gap | Fork


def reconcile(chain: Chain, branch: Sequence[Link]) -> Case:
    """What the node's blocks mean for the chain; they are one or more, oldest first.

    Raises BelowFinality, BrokenBranch.
    """
    if not branch:
        raise BrokenBranch("no block is offered")
    _linked(branch)
    applied = (chain.final, *chain.unfinalised)
    places = {link.hash: index for index, link in enumerate(applied)}
    known = max((index for index, link in enumerate(branch) if link.hash in places), default=-1)
    new = branch[known + 1 :]
    if not new:
        return Duplicate()
    first = new[0]
    if first.number > chain.tip.number + 1:
        return Gap(chain.tip.number + 1, first.number - 1)
    if first.number <= chain.final.number:
        raise BelowFinality(chain.final.number, chain.final.hash, _at(branch, chain.final.number))
    place = places.get(first.parent)
    if place is None:
        return Gap(first.number - 1, first.number - 1)
    _linked((applied[place], *new))
    if place == len(applied) - 1:
        return Next(tuple(new))
    return Fork(applied[:place:-1], tuple(new))


def advance(chain: Chain, case: Next | Fork) -> Chain:
    """The chain after what the case says was done. Raises BrokenBranch when it is not this chain's case."""
    kept = chain.unfinalised
    if isinstance(case, Fork):
        kept = kept[: len(kept) - len(case.revert)]
        if case.revert != chain.unfinalised[len(kept) :][::-1]:
            raise BrokenBranch("the blocks to revert are not the newest of the chain")
    return Chain(chain.final, (*kept, *case.apply))


def finalise(chain: Chain, number: int) -> tuple[Chain, tuple[Link, ...]]:
    """The chain with every block up to `number` final, as far as applied, and those that became so."""
    count = max(0, min(number - chain.final.number, len(chain.unfinalised)))
    settled, left = chain.unfinalised[:count], chain.unfinalised[count:]
    return Chain(settled[-1] if settled else chain.final, left), settled


def _at(branch: Sequence[Link], number: int) -> bytes:
    """Hash of the branch's block of that number, or of its oldest when it begins later."""
    return next((link.hash for link in branch if link.number == number), branch[0].hash)


def _linked(links: Sequence[Link]) -> None:
    for parent, child in pairwise(links):
        if child.parent != parent.hash or child.number != parent.number + 1:
            raise BrokenBranch(f"block {parent.number} is not the parent of block {child.number}")
