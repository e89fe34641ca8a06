"""EIP-712: typed data that a wallet shows before it signs, bound to one contract on one chain.

The domain is always name, version "1", chainId, verifyingContract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

_DOMAIN: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_VERSION: Final = keccak(b"1")
_DYNAMIC: Final = ("bytes", "string")


@dataclass(frozen=True, slots=True)
class Struct:
    """A flat struct type: `fields` are its names and Solidity types, in order. Of dynamic types, the hash is
    signed."""

    domain: str
    name: str
    fields: Mapping[str, str]

    def digest(self, chain_id: int, contract: bytes, values: Mapping[str, object]) -> bytes:
        """The 32 bytes to sign; `contract` has 20."""
        domain = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN, keccak(self.domain.encode()), _VERSION, chain_id, contract],
        )
        kind = f"{self.name}({','.join(f'{type_} {name}' for name, type_ in self.fields.items())})"
        types, words = ["bytes32"], [keccak(kind.encode())]
        for name, type_ in self.fields.items():
            value = values[name]
            hashed = isinstance(value, bytes) and type_ in _DYNAMIC
            types.append("bytes32" if hashed else type_)
            words.append(keccak(value) if hashed else value)  # type: ignore[arg-type]
        return keccak(b"\x19\x01" + keccak(domain) + keccak(encode(types, words)))
