"""Who may sell, and who supervises."""

from ledger.chain.abi import AbiError, ContractError
from ledger.chain.bindings import Participants
from ledger.chain.bindings.structs import Standing
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.deposit import SellerIneligible
from ledger.domain.entitlement import Block, NodeUnreachable
from ledger.domain.erasure import NotSeller
from ledger.domain.market import Role


class _Roles:
    def __init__(self, rpc: Rpc, blocks: FinalBlocks, participants: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._participants = Participants(participants)

    async def _standing(self, account: bytes, role: Role) -> tuple[Standing, Block]:
        """Raises NodeUnreachable, NodeStale."""
        block = await self._blocks.newest()
        question = self._participants.standing(f"0x{account.hex()}", role)
        try:
            return await self._rpc.call(question, block.hash), block
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error


class ChainSellers(_Roles):
    """See `ledger.services.deposits.Sellers`."""

    async def check(self, account: bytes) -> None:
        """Raises SellerIneligible, NodeUnreachable, NodeStale."""
        standing, block = await self._standing(account, Role.SELLER)
        if standing is not Standing.ELIGIBLE:
            reason = standing.name.title().replace("_", "")
            raise SellerIneligible(f"this account may not sell at block {block.number}: {reason}")


class ChainSupervisors(_Roles):
    """See `ledger.services.erasures.Supervisors`."""

    async def check(self, account: bytes) -> None:
        """Raises NotSeller, NodeUnreachable, NodeStale."""
        standing, _ = await self._standing(account, Role.SUPERVISOR)
        if standing is not Standing.ELIGIBLE:
            raise NotSeller("only who deposited it, or a supervisor, has it erased")
