"""What is deployed where: one JSON file that deployment writes and everything else reads.

    {"chain_id": 84084, "genesis_hash": "0x…", "block": 12,
     "contracts": {"Listings": {"address": "0x…", "code_hash": "0x…"}, …}}

`block` is the first block that may hold a log of the contracts. A code hash is Keccak-256 of the runtime code
on chain, immutable values filled in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from eth_hash.auto import keccak
from eth_utils.address import is_checksum_address

from ledger.chain.rpc import Rpc, from_hex, from_quantity, to_hex
from ledger.recursion import parse_json


class ManifestError(Exception):
    """The file is missing or no manifest."""


class WrongChain(Exception):
    """The node serves another chain than the manifest's, or other contracts stand there."""


class Deployed(NamedTuple):
    """A contract: EIP-55 address, hash of its runtime code."""

    address: str
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """One deployment. Raises ManifestError when a value is not what it must be."""

    chain_id: int
    genesis_hash: bytes
    block: int
    contracts: Mapping[str, Deployed]

    def __post_init__(self) -> None:
        _require(isinstance(self.chain_id, int) and self.chain_id > 0, "chain_id must be a positive number")
        _require(isinstance(self.block, int) and self.block >= 0, "block must be a number")
        _require(len(self.genesis_hash) == 32, "genesis_hash must have 32 bytes")
        _require(len(self.contracts) > 0, "contracts must not be empty")
        for name, (address, code_hash) in self.contracts.items():
            _require(is_checksum_address(address), f"contracts.{name}.address must be an EIP-55 address")
            _require(len(code_hash) == 32, f"contracts.{name}.code_hash must have 32 bytes")
        addresses = [contract.address for contract in self.contracts.values()]
        _require(len(set(addresses)) == len(addresses), "no two contracts may have one address")
        object.__setattr__(self, "contracts", MappingProxyType(dict(self.contracts)))

    def address(self, name: str) -> str:
        """Where the contract is. Raises ManifestError when it is not deployed."""
        _require(name in self.contracts, f"there is no {name}: it was not deployed, deploy anew")
        return self.contracts[name].address

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises ManifestError, naming the file."""
        try:
            return cls.from_json(parse_json(path.read_bytes(), pairs=_without_duplicates))
        except FileNotFoundError:
            raise ManifestError(f"{path} is missing: nothing was deployed") from None
        except (ManifestError, OSError, ValueError, RecursionError) as error:
            raise ManifestError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """From what `to_json` gives, and nothing but. Raises ManifestError."""
        top = _object(value, "the manifest", {"chain_id", "genesis_hash", "block", "contracts"})
        contracts = top["contracts"]
        _require(isinstance(contracts, dict), "contracts must be an object")
        return cls(
            chain_id=_number(top, "chain_id"),
            genesis_hash=_hash(top["genesis_hash"], "genesis_hash"),
            block=_number(top, "block"),
            contracts={name: _deployed(found, f"contracts.{name}") for name, found in contracts.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """As in the file."""
        return {
            "chain_id": self.chain_id,
            "genesis_hash": to_hex(self.genesis_hash),
            "block": self.block,
            "contracts": {
                name: {"address": contract.address, "code_hash": to_hex(contract.code_hash)}
                for name, contract in sorted(self.contracts.items())
            },
        }

    def save(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        written = path.with_suffix(".new")
        written.write_text(json.dumps(self.to_json(), indent=2) + "\n")
        written.replace(path)

    async def check(self, rpc: Rpc) -> None:
        """Raises WrongChain unless the node serves this chain with these contracts; RpcError."""
        names = sorted(self.contracts)
        chain_id, genesis, *codes = await rpc.batch(
            [
                ("eth_chainId", []),
                ("eth_getBlockByNumber", ["0x0", False]),
                *(("eth_getCode", [self.contracts[name].address, "latest"]) for name in names),
            ]
        )
        if (found := from_quantity(chain_id)) != self.chain_id:
            raise WrongChain(f"the node serves chain {found}, the manifest is for chain {self.chain_id}")
        genesis_hash = from_hex(genesis["hash"] if isinstance(genesis, dict) else None, 32)
        if genesis_hash != self.genesis_hash:
            raise WrongChain(
                f"the node's genesis block is {to_hex(genesis_hash)}, the manifest's is "
                f"{to_hex(self.genesis_hash)}: another chain of the same id. Deploy anew, or use its manifest"
            )
        for name, code in zip(names, map(from_hex, codes), strict=True):
            if not code:
                raise WrongChain(f"no contract stands at {self.address(name)}, where {name} was deployed")
            if keccak(code) != self.contracts[name].code_hash:
                raise WrongChain(
                    f"the code at {self.address(name)} is not that of {name} when it was deployed"
                )


def _deployed(value: Any, where: str) -> Deployed:
    found = _object(value, where, {"address", "code_hash"})
    return Deployed(found["address"], _hash(found["code_hash"], f"{where}.code_hash"))


def _object(value: Any, where: str, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(f"{where} must be an object")
    _require(keys <= value.keys(), f"{where} lacks {', '.join(sorted(keys - value.keys()))}")
    _require(value.keys() <= keys, f"{where} has unknown {', '.join(sorted(value.keys() - keys))}")
    return value


def _number(value: dict[str, Any], name: str) -> int:
    _require(type(value[name]) is int, f"{name} must be a number")
    number: int = value[name]
    return number


def _hash(value: Any, where: str) -> bytes:
    try:
        if isinstance(value, str) and value.startswith("0x") and len(value) == 66:
            return bytes.fromhex(value[2:])
    except ValueError:
        pass
    raise ManifestError(f"{where} must be 0x and 64 hex digits")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    _require(len(set(names)) == len(names), "a name is given twice")
    return dict(pairs)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ManifestError(otherwise)
