"""Whether an account may have a licence's key: one view call at one final block."""

from ledger.chain.abi import AbiError, ContractError
from ledger.chain.bindings import Licences
from ledger.chain.bindings.structs import Denial
from ledger.chain.finality import Finality, FinalityError, Header, final_header
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.entitlement import Block, Decision, NodeStale, NodeUnreachable


class FinalBlocks:
    """The newest final block, which never goes back."""

    def __init__(self, rpc: Rpc, finality: Finality) -> None:
        self._rpc = rpc
        self._finality = finality
        self._newest: Header | None = None

    async def newest(self) -> Block:
        """Raises NodeUnreachable, NodeStale."""
        try:
            header = await final_header(self._rpc, self._finality)
        except (RpcError, FinalityError) as error:
            raise NodeUnreachable("the node does not name a final block") from error
        if self._newest is not None and header.number < self._newest.number:
            raise NodeStale(f"the node went back from final block {self._newest.number} to {header.number}")
        self._newest = header
        return Block(header.number, header.hash, header.timestamp)


class ChainEntitlements:
    """See `ledger.services.grants.Entitlements`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks, licences: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._licences = Licences(licences)

    async def decide(self, licence: int, account: bytes) -> Decision:
        """Raises NodeUnreachable, NodeStale."""
        block = await self._blocks.newest()
        question = self._licences.entitlement(licence, f"0x{account.hex()}")
        try:
            answer = await self._rpc.call(question, block.hash)
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error
        return Decision(
            licence=licence,
            account=account,
            block=block,
            denial=None if answer.denial is Denial.GRANTED else reason(answer.denial),
            listing=answer.listing,
            version=answer.version,
            plan=answer.plan,
            expires_at=answer.expires_at,
            uses_left=answer.uses_left,
            flags=answer.flags,
            root=answer.root,
            size=answer.size,
            deposit=answer.deposit_id,
        )


def reason(denial: Denial) -> str:
    """The name as the contract spells it: NotHolder."""
    return denial.name.title().replace("_", "")
