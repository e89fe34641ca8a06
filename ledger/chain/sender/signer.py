"""Signs EIP-1559 transactions of one account on one chain."""

from collections.abc import Callable
from typing import Any, Protocol

from ledger.domain.intent import Signed


class Account(Protocol):
    """eth-account's LocalAccount, or a signer elsewhere."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, transaction_dict: Any, /) -> Any: ...


class Signer:
    """`clock` in seconds."""

    def __init__(self, account: Account, chain_id: int, clock: Callable[[], float]) -> None:
        self.address = bytes.fromhex(account.address.removeprefix("0x"))
        self._account, self._chain_id, self._clock = account, chain_id, clock

    def sign(
        self,
        to: bytes | None,
        data: bytes,
        value: int,
        nonce: int,
        gas: int,
        fees: tuple[int, int],
        since_block: int,
    ) -> Signed:
        """`fees`: the most to pay per gas, and the tip in it, in wei; `to` is None to create a contract."""
        max_fee, tip = fees
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": b"" if to is None else to,
                "data": data,
                "value": value,
                "gas": gas,
                "maxFeePerGas": max_fee,
                "maxPriorityFeePerGas": tip,
            }
        )
        return Signed(
            hash=bytes(signed.hash),
            nonce=nonce,
            raw=bytes(signed.raw_transaction),
            gas=gas,
            max_fee=max_fee,
            tip=tip,
            since_block=since_block,
            signed_at=int(self._clock()),
        )
