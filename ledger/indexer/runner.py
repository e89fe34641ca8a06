"""Follows the chain: asks the node, reconciles, writes; again and again until it is stopped or must halt.

Every step goes from what SQL holds to what the node's head says, one transaction for a few blocks at a time,
and the next of them are fetched meanwhile. A fault of node, network or disk leaves all as it was, and the
next step tries again. What no retry can heal halts the index: a chain that left ours below finality, an event
that the contracts cannot have emitted.
"""

import asyncio
import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from ledger.chain.events import BadLog
from ledger.chain.finality import Depth, Finality, Instant, final_header
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc
from ledger.indexer.fetch import Block, ForgedHeader, Sealed, Source
from ledger.indexer.index import Index, OtherDeployment
from ledger.indexer.reconcile import (
    BelowFinality,
    Chain,
    Duplicate,
    Fork,
    Gap,
    Next,
    advance,
    finalise,
    reconcile,
)
from ledger.indexer.replay import ReplayError
from ledger.tasks import meanwhile

LOG: Final = logging.getLogger("socai.indexer")
AT_ONCE: Final = 128
"""Most headers asked for at a time."""
FULL: Final = 1000
"""Transactions in the blocks that are written at a time, but for a block that alone has more."""
HALTS: Final = (BelowFinality, OtherDeployment, ReplayError, BadLog)


@dataclass(frozen=True, slots=True)
class Progress:
    """`block` is the newest applied, `head` the node's newest seen; both -1 while unknown.

    `trouble` is why the last step failed; `halted` when no further step is made.
    """

    block: int = -1
    final: int = -1
    head: int = -1
    trouble: str | None = None
    halted: bool = False

    @property
    def lag(self) -> int:
        """In blocks."""
        return max(0, self.head - self.block)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector, which goes over the parsed receipts again and again: a third of
    the time. They are few at a time, and in no cycles."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Runner:
    """One index, one node. `every`: seconds between looks at the node's head."""

    def __init__(
        self,
        rpc: Rpc,
        source: Source,
        index: Index,
        manifest: Manifest,
        finality: Finality,
        *,
        every: float = 0.02,
    ) -> None:
        self._rpc = rpc
        self._source = source
        self._index = index
        self._manifest = manifest
        self._finality = finality
        self._every = every
        self._chain: Chain | None = None
        self.progress = Progress()

    async def run(self) -> None:
        """Until cancelled, or halted: then `progress` says why."""
        while not self.progress.halted:
            try:
                await self.step()
            except HALTS as error:
                LOG.critical("the index has halted", extra={"reason": str(error)})
                self.progress = replace(self.progress, trouble=str(error), halted=True)
            except Exception as error:
                if self.progress.trouble is None:
                    LOG.warning("the index waits", extra={"reason": str(error) or type(error).__name__})
                self.progress = replace(self.progress, trouble=str(error) or type(error).__name__)
            await asyncio.sleep(self._every)

    async def step(self) -> None:
        """Applies all there is up to the node's head. Raises what went wrong; nothing is then half done."""
        chain = self._chain or await self._open()
        head = await self._source.head()
        self.progress = replace(self.progress, head=head.link.number)
        behind = await self._is_behind(chain, head)
        if not behind:
            await self._follow(chain, head, await self._final(head))
        trouble = f"the node went back to block {head.link.number}" if behind else None
        self.progress = replace(self.progress, trouble=trouble)

    async def look(self) -> None:
        """Sees how far another process is that applies the blocks; writes nothing."""
        chain, head = await self._index.chain(), await self._source.head()
        self._chain = None
        if chain is not None:
            block, final = chain.tip.number, chain.final.number
            self.progress = Progress(block, final, head.link.number)

    async def _follow(self, chain: Chain, head: Sealed, final: int) -> None:
        branch = [head]
        while True:
            match reconcile(chain, [one.link for one in branch]):
                case Gap(first, last):
                    found = await self._source.headers(first, min(last, first + AT_ONCE - 1))
                    joins = found[-1].link.hash == branch[0].link.parent
                    branch = [*found, *branch] if joins else found
                    continue
                case Next(apply=new) | Fork(apply=new) as case:
                    with _uncollected():
                        await self._apply(chain, case, branch[len(branch) - len(new) :], final)
                case Duplicate():
                    if final > chain.final.number and chain.unfinalised:
                        await self._write(chain, Next(()), [], final)
            chain = self._chain or await self._open()
            if branch[-1] is head:
                return
            branch = [head]

    async def _apply(self, chain: Chain, case: Next | Fork, headers: Sequence[Sealed], final: int) -> None:
        parts = list(_parts(headers))
        blocks = await self._source.read(parts[0])
        for part, following in zip_longest(parts, parts[1:], fillvalue=()):
            async with meanwhile(self._source.read(following)) as reading:
                await self._write(chain, replace(case, apply=tuple(one.link for one in part)), blocks, final)
                blocks = await reading
            chain, case = self._chain or await self._open(), Next(())

    async def _write(self, chain: Chain, case: Next | Fork, blocks: list[Block], final: int) -> None:
        self._chain = None  # until it is known how this ends
        revert = case.revert if isinstance(case, Fork) else ()
        await self._index.write(revert, blocks, final)
        if revert:
            LOG.info("blocks reverted", extra={"count": len(revert), "first": revert[-1].number})
        self._settle(finalise(advance(chain, case), final)[0])

    async def _open(self) -> Chain:
        chain = await self._index.chain()
        if chain is None:
            number = max(self._manifest.block - 1, 0)
            [base] = await self._source.headers(number, number)
            if number == 0 and base.link.hash != self._manifest.genesis_hash:
                raise ForgedHeader("the node's genesis block is not the manifest's")
            chain = await self._index.start(Block(base.link, base.header.timestamp, ()))
        self._settle(chain)
        return chain

    def _settle(self, chain: Chain) -> None:
        self._chain = chain
        self.progress = replace(self.progress, block=chain.tip.number, final=chain.final.number)

    async def _is_behind(self, chain: Chain, head: Sealed) -> bool:
        """Whether the node has less than what is final here, but the same. Raises BelowFinality."""
        if head.link.number >= chain.final.number:
            return False
        ours = await self._index.hash_at(head.link.number)
        if ours is not None and ours != head.link.hash:
            raise BelowFinality(head.link.number, ours, head.link.hash)
        return True

    async def _final(self, head: Sealed) -> int:
        """Number of the newest block that is final; of a tag, in the node's word."""
        match self._finality:
            case Instant():
                return head.link.number
            case Depth(blocks):
                return head.link.number - blocks
            case tag:
                return (await final_header(self._rpc, tag)).number


def _parts(headers: Sequence[Sealed]) -> Iterator[list[Sealed]]:
    """As many blocks together as are written at a time, in order."""
    part: list[Sealed] = []
    count = 0
    for one in headers:
        count += len(one.transactions)
        if part and count > FULL:
            yield part
            part, count = [], len(one.transactions)
        part.append(one)
    yield part
