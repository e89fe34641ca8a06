"""Which deposits listings claim."""

from collections.abc import Sequence

from ledger.chain.abi import AbiError, ContractError
from ledger.chain.bindings import Listings
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.entitlement import Block, NodeUnreachable


class ChainClaims:
    """See `ledger.services.unclaimed.Claims`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks, listings: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._listings = Listings(listings)

    async def of(self, deposits: Sequence[bytes]) -> tuple[Block, set[bytes]]:
        """Raises NodeUnreachable, NodeStale."""
        block = await self._blocks.newest()
        try:
            return block, {
                deposit
                for deposit in deposits
                if await self._rpc.call(self._listings.deposit_used(deposit), block.hash)
            }
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error
