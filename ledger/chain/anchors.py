"""Checkpoints of the access log on chain, by the custodian's sender."""

from ledger.chain.bindings import LogAnchor
from ledger.chain.rpc import Rpc, RpcError
from ledger.chain.sender import Sender, SenderError


class NotAnchored(Exception):
    """The chain does not hold the checkpoint, or is not known to yet."""


class ChainAnchors:
    """See `ledger.services.access_log.Anchors`. `sender` is the custodian's; `timeout` in seconds."""

    def __init__(self, sender: Sender, log_anchor: str, timeout: float) -> None:
        self._sender = sender
        self._contract = LogAnchor(log_anchor)
        self._timeout = timeout

    async def anchor(self, size: int, root: bytes) -> None:
        """Raises NotAnchored; asked again for the same checkpoint, nothing is sent twice."""
        try:
            await self._sender.send(
                f"anchor:{size}:{root.hex()}", self._contract.anchor(size, root), timeout=self._timeout
            )
        except (SenderError, RpcError) as error:
            raise NotAnchored(f"the checkpoint of {size} entries is not on chain: {error}") from error


async def anchored(rpc: Rpc, log_anchor: str, custodian: str, block_hash: bytes) -> dict[int, bytes]:
    """Every checkpoint that the custodian ever put on chain, up to a block: root by size. Raises RpcError."""
    contract = LogAnchor(log_anchor)
    found = {}
    count = await rpc.call(contract.count(custodian), block_hash)
    for index in range(count):
        checkpoint = await rpc.call(contract.checkpoint(custodian, index), block_hash)
        found[checkpoint.size] = checkpoint.root
    return found
