"""Uses of metered licences, counted on chain by the vault's custodian."""

from typing import Final

from ledger.chain.bindings import Licences
from ledger.chain.finality import Depth, Finality, Instant
from ledger.chain.rpc import RpcError
from ledger.chain.sender import CallReverted, Sender, SenderError
from ledger.domain.entitlement import UseRefused, UseUncounted

TAG_DEPTH: Final = 64
"""Blocks on top that are taken to be enough on a chain with a finality gadget: two epochs of Ethereum."""


class ChainUses:
    """See `ledger.services.grants.Uses`. `sender` is the custodian's; `timeout` in seconds."""

    def __init__(self, sender: Sender, licences: str, timeout: float) -> None:
        self._sender = sender
        self._licences = Licences(licences)
        self._timeout = timeout

    async def count(self, licence: int, use: bytes) -> None:
        """Raises UseRefused, UseUncounted."""
        call = self._licences.count_uses(licence, 1)
        try:
            await self._sender.send(f"use:{use.hex()}", call, timeout=self._timeout)
        except CallReverted as error:
            raise UseRefused(error.reason.abi_name) from error
        except (SenderError, RpcError) as error:
            raise UseUncounted("the use is not on chain yet: ask again with the same key") from error


def depth(finality: Finality) -> int:
    """How many blocks on top make a transaction final."""
    match finality:
        case Instant():
            return 0
        case Depth(blocks):
            return blocks
        case _:
            return TAG_DEPTH
