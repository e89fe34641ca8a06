"""Which block counts as final: a setting, and the question to the node that follows from it.

instant        the head: validators agreed before it was made (QBFT), or one node makes all (anvil)
depth N        N blocks below the head: chains that fork now and then
tag finalized  what the node calls so: chains with a finality gadget

`tag` of a setting is the block tag that one question to the node suffices with, None where it takes two.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from ledger.chain.rpc import MalformedAnswer, Rpc, from_hex, from_quantity

TAGS = ("finalized", "safe")


class FinalityError(Exception):
    """The setting is none, or the node has no such block."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a node says of a block; `timestamp` in seconds. Nothing is proven."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int

    @classmethod
    def parse(cls, block: Any) -> "Header":
        """From a JSON-RPC block. Raises MalformedAnswer."""
        if not isinstance(block, dict):
            raise MalformedAnswer("not a block")
        return cls(
            number=from_quantity(block.get("number")),
            hash=from_hex(block.get("hash"), 32),
            parent_hash=from_hex(block.get("parentHash"), 32),
            timestamp=from_quantity(block.get("timestamp")),
        )


@dataclass(frozen=True, slots=True)
class Instant:
    """Every block is final."""

    tag: ClassVar[str | None] = "latest"

    def __str__(self) -> str:
        return "instant"


@dataclass(frozen=True, slots=True)
class Depth:
    """A block is final with so many on top of it."""

    blocks: int
    tag: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if self.blocks < 1:
            raise FinalityError("a depth is 1 or more; no depth is called instant")

    def __str__(self) -> str:
        return f"depth {self.blocks}"


@dataclass(frozen=True, slots=True)
class Tag:
    """What the node says under this tag is final."""

    name: str

    @property
    def tag(self) -> str | None:
        return self.name

    def __post_init__(self) -> None:
        if self.name not in TAGS:
            raise FinalityError(f"a tag is one of {', '.join(TAGS)}")

    def __str__(self) -> str:
        return f"tag {self.name}"


Finality: TypeAlias = Instant | Depth | Tag


def parse_finality(text: str) -> Finality:
    """`instant`, `depth 12` or `tag finalized`. Raises FinalityError."""
    match text.split():
        case ["instant"]:
            return Instant()
        case ["depth", blocks] if blocks.isascii() and blocks.isdecimal():
            return Depth(int(blocks))
        case ["tag", name]:
            return Tag(name)
    raise FinalityError(f"finality is `instant`, `depth N` or `tag finalized`, not {text!r}")


async def final_header(rpc: Rpc, finality: Finality) -> Header:
    """The newest final block; genesis while the chain is too short. Raises FinalityError, RpcError."""
    match finality:
        case Instant():
            return await _header(rpc, "latest")
        case Depth(blocks):
            head = from_quantity(await rpc.request("eth_blockNumber"))
            wanted = max(head - blocks, 0)
            found = await _header(rpc, hex(wanted))
            if found.number != wanted:
                raise MalformedAnswer(f"asked for block {wanted}, got {found.number}")
            return found
        case Tag(name):
            return await _header(rpc, name)


async def _header(rpc: Rpc, which: str) -> Header:
    block = await rpc.request("eth_getBlockByNumber", [which, False])
    if block is None:
        raise FinalityError(f"the node has no {which} block: does this chain report finality so?")
    return Header.parse(block)
