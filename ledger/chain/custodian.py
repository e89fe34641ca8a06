"""The account that signs custody receipts."""

from eth_account.signers.local import LocalAccount
from eth_typing import Hash32


class LocalCustodian:
    """Signs with a key in this process's memory."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.address = bytes.fromhex(account.address[2:])

    async def sign(self, digest: bytes) -> bytes:
        """65 bytes over an EIP-712 digest of 32."""
        return bytes(self._account.unsafe_sign_hash(Hash32(digest)).signature)
