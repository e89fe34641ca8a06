"""Whether an account signed, be it a key or a contract."""

from typing import Protocol

from ledger.domain.signature import BadSignature, recover


class ContractAccounts(Protocol):
    async def check(self, account: bytes, digest: bytes, signature: bytes) -> None:
        """Asks the contract at `account` once (ERC-1271). Raises BadSignature, also without a contract."""


async def check_signer(contracts: ContractAccounts, account: bytes, digest: bytes, signature: bytes) -> None:
    """Raises BadSignature unless `account` (20 bytes) signed `digest`."""
    refused: BadSignature
    try:
        if recover(digest, signature) == account:
            return
        refused = BadSignature("the signature is not this account's")
    except BadSignature as error:
        refused = error
    try:
        await contracts.check(account, digest, signature)
    except BadSignature:
        raise refused from None
