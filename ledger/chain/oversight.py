"""Who may look at the whole history: supervisors, and the operator, whose looking is on record too."""

from typing import Final, TypeVar

from ledger.chain.abi import AbiError, Call, ContractError
from ledger.chain.bindings import AccessManager, Participants
from ledger.chain.bindings.structs import Standing
from ledger.chain.deploy import OPERATOR
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.entitlement import Block, NodeUnreachable
from ledger.domain.history import NotOverseer
from ledger.domain.market import Role

T = TypeVar("T")

SUPERVISOR: Final = "supervisor"
OPERATES: Final = "operator"


class ChainOversight:
    """See `ledger.services.history.Overseers`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks, participants: str, access_manager: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._participants = Participants(participants)
        self._manager = AccessManager(access_manager)

    async def role(self, account: bytes) -> str:
        """`supervisor` or `operator`, at the newest final block. Raises NotOverseer, Undecidable."""
        block, address = await self._blocks.newest(), f"0x{account.hex()}"
        if await self._eligible(address, Role.SUPERVISOR, block):
            return SUPERVISOR
        member, _ = await self._call(self._manager.has_role(OPERATOR, address), block)
        if member:
            return OPERATES
        raise NotOverseer(
            f"this account neither supervises nor operates the exchange at block {block.number}"
        )

    async def provides_payments(self, account: bytes) -> bool:
        """Whether it is a payment provider's. Raises Undecidable."""
        block = await self._blocks.newest()
        return await self._eligible(f"0x{account.hex()}", Role.PAYMENT_PROVIDER, block)

    async def _eligible(self, address: str, role: Role, block: Block) -> bool:
        return await self._call(self._participants.standing(address, role), block) is Standing.ELIGIBLE

    async def _call(self, call: Call[T], block: Block) -> T:
        try:
            return await self._rpc.call(call, block.hash)
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error
