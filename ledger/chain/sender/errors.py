"""What `Sender` raises."""

from ledger.chain.abi import ContractError
from ledger.chain.sender.receipts import Receipt


class SenderError(Exception):
    """Base of what `Sender` raises."""


class KeyReused(SenderError):
    """The idempotency key belongs to a transaction with other content."""


class CallReverted(SenderError):
    """The call reverts: found by simulation, nothing was sent and no nonce taken. `reason` is the decoded
    error."""

    def __init__(self, key: str, reason: ContractError) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class TransactionReverted(CallReverted):
    """The transaction was mined and reverted; asking again under the same key gives the same answer.

    `reason` comes from running it again on the state before its block: what earlier transactions of that
    block changed is not seen, and it is `UndeclaredError` when that run succeeds.
    """

    def __init__(self, key: str, reason: ContractError, receipt: Receipt) -> None:
        super().__init__(key, reason)
        self.receipt = receipt


class NotMined(SenderError):
    """No receipt in time. The transaction stays under way: ask again with the same key."""


class WrongChain(SenderError):
    """The node serves another chain than the one this sender was made for."""


class FeeAboveCap(SenderError):
    """The chain asks for more per gas than the cap allows."""


class InsufficientFunds(SenderError):
    """The account cannot pay the value and the gas."""
