"""Who may sell, who supervises, and who else may look at the whole history: the operator, on record too."""

from typing import Final, TypeVar

from ledger.chain.abi import AbiError, Call, ContractError
from ledger.chain.bindings import AccessManager, Participants
from ledger.chain.bindings.structs import Standing
from ledger.chain.deploy import OPERATOR
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.deposit import SellerIneligible
from ledger.domain.entitlement import Block, NodeUnreachable
from ledger.domain.erasure import NotSeller
from ledger.domain.history import NotOverseer
from ledger.domain.market import Role

T = TypeVar("T")

SUPERVISOR: Final = "supervisor"
OPERATES: Final = "operator"


class _Roles:
    def __init__(self, rpc: Rpc, blocks: FinalBlocks, participants: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._participants = Participants(participants)

    async def _standing(self, account: bytes, role: Role) -> tuple[Standing, Block]:
        """Raises NodeUnreachable, NodeStale."""
        block = await self._blocks.newest()
        question = self._participants.standing(f"0x{account.hex()}", role)
        return await self._call(question, block), block

    async def _call(self, call: Call[T], block: Block) -> T:
        try:
            return await self._rpc.call(call, block.hash)
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error

    async def _eligible(self, account: bytes, role: Role) -> bool:
        return (await self._standing(account, role))[0] is Standing.ELIGIBLE


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
        if not await self._eligible(account, Role.SUPERVISOR):
            raise NotSeller("only who deposited it, or a supervisor, has it erased")


class ChainOversight(_Roles):
    """See `ledger.services.history.Overseers` and `ledger.services.reconciliations.Providers`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks, participants: str, access_manager: str) -> None:
        super().__init__(rpc, blocks, participants)
        self._manager = AccessManager(access_manager)

    async def role(self, account: bytes) -> str:
        """`supervisor` or `operator`, at the newest final block. Raises NotOverseer, Undecidable."""
        if await self._eligible(account, Role.SUPERVISOR):
            return SUPERVISOR
        block = await self._blocks.newest()
        member, _ = await self._call(self._manager.has_role(OPERATOR, f"0x{account.hex()}"), block)
        if member:
            return OPERATES
        raise NotOverseer(
            f"this account neither supervises nor operates the exchange at block {block.number}"
        )

    async def provides_payments(self, account: bytes) -> bool:
        """Whether it is a payment provider's. Raises Undecidable."""
        return await self._eligible(account, Role.PAYMENT_PROVIDER)
