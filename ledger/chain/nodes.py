"""Whether the nodes of an exchange have the same chain."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Final

from ledger.chain.finality import Finality, FinalityError, Header, final_header
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.health import NodeState

WAIT_SECONDS: Final = 5.0
"""A node that takes longer does not answer."""


class ChainNodes:
    """See `ledger.services.health.Nodes`. The first of `nodes` is ours, the others are witnesses."""

    def __init__(self, nodes: Sequence[Rpc], finality: Finality) -> None:
        self._nodes = nodes
        self._finality = finality

    async def states(self) -> list[NodeState]:
        """Of every node, ours first."""
        newest = await asyncio.gather(*(_or_none(final_header(node, self._finality)) for node in self._nodes))
        lowest = min((header.number for header in newest if header is not None), default=0)
        common = await asyncio.gather(
            *(_at(node, header, lowest) for node, header in zip(self._nodes, newest, strict=True))
        )
        return [
            NodeState(
                None if header is None else header.number,
                None if header is None else header.hash,
                None if there is None or common[0] is None else there == common[0],
            )
            for header, there in zip(newest, common, strict=True)
        ]


async def _at(node: Rpc, newest: Header | None, number: int) -> bytes | None:
    """The hash of a node's block, None when it does not answer."""
    if newest is None or newest.number == number:
        return None if newest is None else newest.hash
    header = await _or_none(_numbered(node, number))
    return None if header is None else header.hash


async def _numbered(node: Rpc, number: int) -> Header:
    return Header.parse(await node.request("eth_getBlockByNumber", [hex(number), False]))


async def _or_none(asking: Coroutine[None, None, Header]) -> Header | None:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await asking
    except (RpcError, FinalityError, TimeoutError):
        return None
