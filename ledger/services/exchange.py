"""What this exchange is, and whether its chain can be acted on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.entitlement import Block, NodeStale, Undecidable
from ledger.services.ports import Clock


class FinalBlock(Protocol):
    async def newest(self) -> Block:
        """The newest final block. Raises Undecidable."""
        ...


class Progress(Protocol):
    """Of the index: the newest block applied, the newest final one, and how many the node has beyond it."""

    @property
    def block(self) -> int: ...
    @property
    def final(self) -> int: ...
    @property
    def lag(self) -> int: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def halted(self) -> bool: ...


class Following(Protocol):
    @property
    def progress(self) -> Progress: ...


@dataclass(frozen=True, slots=True)
class ChainState:
    """`trouble` is None while keys can be released; `age` in seconds by this service's clock."""

    trouble: str | None
    block: Block | None = None
    age: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Addresses are 20 bytes."""

    version: str
    profile: str
    chain_id: int
    chain_name: str
    public_rpc_url: str | None
    genesis_hash: bytes
    first_block: int
    contracts: Mapping[str, bytes]
    finality: str
    block_age_seconds: int
    vault_public_keys: list[bytes]
    custodian: bytes
    region: str
    deposit_bytes: int
    metadata_bytes: int
    blocks: FinalBlock
    index: Following
    clock: Clock

    async def state(self) -> ChainState:
        try:
            block = await self.blocks.newest()
        except Undecidable as error:
            return ChainState("node-stale" if isinstance(error, NodeStale) else "node-unreachable")
        age = int(self.clock() - block.time)
        return ChainState("node-stale" if abs(age) > self.block_age_seconds else None, block, age)
