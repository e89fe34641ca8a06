"""Signatures of contract accounts (ERC-1271)."""

from typing import Final

from ledger.chain.abi import AbiError, Call, ContractError, encode
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import NodeError, Rpc, RpcError
from ledger.domain.entitlement import NodeUnreachable
from ledger.domain.signature import BadSignature

MAGIC: Final = bytes.fromhex("1626ba7e")
"""Selector of isValidSignature(bytes32,bytes), and its answer to a good signature."""


class ContractSignatures:
    """See `ledger.services.sign_in.ContractAccounts`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks) -> None:
        self._rpc = rpc
        self._blocks = blocks

    async def check(self, account: bytes, digest: bytes, signature: bytes) -> None:
        """Raises BadSignature, NodeUnreachable, NodeStale."""
        block = await self._blocks.newest()
        call: Call[bytes] = Call(
            f"0x{account.hex()}",
            MAGIC + encode(("bytes32", "bytes"), (digest, signature)),
            "isValidSignature",
            ("bytes4",),
        )
        try:
            answer = await self._rpc.call(call, block.hash)
        except (AbiError, ContractError, NodeError):  # no contract, or one that refuses or breaks
            answer = b""
        except RpcError as error:
            raise NodeUnreachable("the node does not answer for a contract account") from error
        if answer != MAGIC:
            raise BadSignature("the contract does not accept the signature")
