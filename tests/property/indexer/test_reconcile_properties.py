"""The reconciler against a node whose chain forks at random, seen through gaps, duplicates and restarts."""

from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.indexer.reconcile import (
    BelowFinality,
    BrokenBranch,
    Chain,
    Duplicate,
    Fork,
    Gap,
    Link,
    Next,
    advance,
    finalise,
    reconcile,
)

FIRST = 7  # the chain is followed from its middle


def block(parent: Link, salt: int) -> Link:
    digest = sha256(parent.hash + salt.to_bytes(8, "big")).digest()
    return Link(parent.number + 1, digest, parent.hash)


BASE = Link(FIRST, sha256(b"base").digest(), bytes(32))


@dataclass
class Node:
    """What is canonical now, by position after BASE."""

    canonical: list[Link] = field(default_factory=lambda: [BASE])
    salt: int = 0

    def grow(self, count: int) -> None:
        for _ in range(count):
            self.salt += 1
            self.canonical.append(block(self.canonical[-1], self.salt))

    def reorganise(self, depth: int, count: int) -> None:
        del self.canonical[len(self.canonical) - depth :]
        self.grow(count)

    def get(self, first: int, last: int) -> list[Link]:
        return self.canonical[first - FIRST : last - FIRST + 1]


@dataclass
class Index:
    """Does what the reconciler says, checks that each step is possible, and forgets all else on restart."""

    rows: list[Link] = field(default_factory=lambda: [BASE])
    final: int = FIRST
    longest_fetch: int = 3

    @property
    def chain(self) -> Chain:
        kept = self.rows[self.final - FIRST :]
        return Chain(kept[0], tuple(kept[1:]))

    def see(self, node: Node, head: Link) -> None:
        """As a runner does: until all of the head's chain is applied."""
        branch = [head]
        for _ in range(1000):
            chain = self.chain
            match reconcile(chain, branch):
                case Duplicate():
                    if branch[-1] == head:
                        return
                    branch = [head]
                case Gap(first, last):
                    assert first <= last < branch[0].number
                    found = node.get(first, min(last, first + self.longest_fetch - 1))
                    branch = [*found, *branch] if found[-1].hash == branch[0].parent else found
                case Next() | Fork() as case:
                    self.do(case)
                    assert self.chain == advance(chain, case)
        raise AssertionError("it does not come to an end")

    def do(self, case: Next | Fork) -> None:
        if isinstance(case, Fork):
            assert case.revert
            for link in case.revert:
                assert self.rows.pop() == link
            assert len(self.rows) > self.final - FIRST
        assert case.apply
        for link in case.apply:
            assert (link.parent, link.number) == (self.rows[-1].hash, self.rows[-1].number + 1)
            self.rows.append(link)

    def settle(self, number: int) -> None:
        before = self.chain
        after, settled = finalise(before, number)
        assert (before.final, *before.unfinalised) == (
            *(before.final, *settled)[:-1],
            after.final,
            *after.unfinalised,
        )
        assert after.tip == before.tip
        self.final = after.final.number
        assert self.final == max(before.final.number, min(number, before.tip.number))


grow = st.tuples(st.just("grow"), st.integers(1, 6))
reorganise = st.tuples(st.just("reorganise"), st.integers(1, 4), st.integers(1, 6))
look = st.tuples(st.just("look"), st.integers(0, 3))
settle = st.tuples(st.just("settle"), st.integers(0, 6))
steps = st.lists(st.one_of(grow, reorganise, look, settle, st.just(("restart",))), max_size=40)


@settings(max_examples=400, deadline=None)
@given(steps, st.integers(1, 5))
def test_R10_the_index_ends_where_the_node_is(history: list[tuple[str, int]], longest_fetch: int) -> None:
    """Whatever the node does above finality, and however much of it was missed or seen twice."""
    node, index = Node(), Index(longest_fetch=longest_fetch)
    for name, *numbers in history:
        if name == "grow":
            node.grow(numbers[0])
        elif name == "reorganise":
            open_ = node.canonical[-1].number - index.final
            common = min(numbers[0], open_)
            node.reorganise(common, numbers[1])
        elif name == "look":
            back = min(numbers[0], node.canonical[-1].number - index.final)
            index.see(node, node.canonical[len(node.canonical) - 1 - back])
        elif name == "settle":
            wanted = min(node.canonical[-1].number - numbers[0], index.rows[-1].number)
            if node.get(wanted, wanted)[:1] == index.rows[wanted - FIRST : wanted - FIRST + 1]:
                index.settle(wanted)
        else:
            index = Index(list(index.rows), index.final, longest_fetch)
    node.grow(1)
    index.see(node, node.canonical[-1])
    index.see(node, node.canonical[-1])
    assert index.rows == node.canonical


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_threat_S14_what_is_final_is_never_reverted(
    length: int, final: int, depth: int, regrown: int
) -> None:
    node, index = Node(), Index()
    node.grow(length)
    index.see(node, node.canonical[-1])
    index.settle(FIRST + min(final, length))
    before = index.chain
    deep = min(length, len(before.unfinalised) + depth)
    node.reorganise(deep, regrown)
    if deep <= len(before.unfinalised):
        return
    with pytest.raises(BelowFinality, match=r"socai index rebuild") as raised:
        index.see(node, node.canonical[-1])
    assert raised.value.ours == before.final.hash != raised.value.theirs
    assert index.chain == before


@given(st.integers(1, 6), st.integers(1, 6))
def test_threat_S15_a_regressed_head_changes_nothing(length: int, back: int) -> None:
    node, index = Node(), Index()
    node.grow(length)
    index.see(node, node.canonical[-1])
    before = index.chain
    old = node.canonical[max(0, length - back)]
    assert reconcile(before, [old]) == Duplicate()


def test_threat_S14_blocks_that_are_no_chain_are_refused() -> None:
    first = block(BASE, 1)
    second = block(first, 2)
    chain = Chain(BASE, (first,))
    with pytest.raises(BrokenBranch):
        reconcile(chain, [])
    with pytest.raises(BrokenBranch):
        reconcile(chain, [second, block(BASE, 3)])
    with pytest.raises(BrokenBranch):  # its number is made up
        reconcile(chain, [Link(FIRST + 1, b"\1" * 32, first.hash)])
    with pytest.raises(BrokenBranch):
        Chain(BASE, (second,))
    with pytest.raises(BrokenBranch):
        advance(chain, Fork((second,), (block(BASE, 4),)))
    with pytest.raises(BelowFinality):
        reconcile(chain, [Link(FIRST, b"\2" * 32, bytes(32))])


def test_a_branch_may_begin_before_what_is_kept() -> None:
    first = block(BASE, 1)
    before = Link(FIRST - 1, BASE.parent, bytes(32))
    assert reconcile(Chain(BASE), [before, BASE, first]) == Next((first,))
    assert reconcile(Chain(BASE, (first,)), [before, BASE, first]) == Duplicate()
