"""Who may sell."""

from ledger.chain.abi import AbiError, ContractError
from ledger.chain.bindings import Participants
from ledger.chain.bindings.structs import Standing
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.deposit import SellerIneligible
from ledger.domain.entitlement import NodeUnreachable
from ledger.domain.market import Role


class ChainSellers:
    """See `ledger.services.deposits.Sellers`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks, participants: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._participants = Participants(participants)

    async def check(self, account: bytes) -> None:
        """Raises SellerIneligible, NodeUnreachable, NodeStale."""
        block = await self._blocks.newest()
        question = self._participants.standing(f"0x{account.hex()}", Role.SELLER)
        try:
            standing = await self._rpc.call(question, block.hash)
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error
        if standing is not Standing.ELIGIBLE:
            reason = standing.name.title().replace("_", "")
            raise SellerIneligible(f"this account may not sell at block {block.number}: {reason}")
