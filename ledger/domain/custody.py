"""The vault's signed word that it holds a payload: EIP-712 typed data that the Reviews contract checks.

domain   name "Socai Reviews", version "1", chainId, verifyingContract = Reviews
type     Custody(address seller,bytes32 root,uint64 size,bytes32 depositId,bytes2 region,uint64 deadline)
"""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

_DOMAIN: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_CUSTODY: Final = keccak(
    b"Custody(address seller,bytes32 root,uint64 size,bytes32 depositId,bytes2 region,uint64 deadline)"
)
_NAME: Final = keccak(b"Socai Reviews")
_VERSION: Final = keccak(b"1")


@dataclass(frozen=True, slots=True)
class Custody:
    """`seller` 20 bytes, `region` two letters of ISO 3166-1, `deadline` the last Unix second to use it in."""

    seller: bytes
    root: bytes
    size: int
    deposit: bytes
    region: bytes
    deadline: int

    def digest(self, chain_id: int, reviews: bytes) -> bytes:
        """The 32 bytes that the custodian signs for the Reviews contract at `reviews`."""
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN, _NAME, _VERSION, chain_id, reviews],
        )
        struct = encode(
            ["bytes32", "address", "bytes32", "uint64", "bytes32", "bytes2", "uint64"],
            [_CUSTODY, self.seller, self.root, self.size, self.deposit, self.region, self.deadline],
        )
        return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))
