"""What the chain says of a mined transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.chain.rpc import from_hex, from_quantity


@dataclass(frozen=True, slots=True)
class Log:
    address: str
    topics: tuple[bytes, ...]
    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of a mined transaction; `contract` is the address it created."""

    key: str
    transaction_hash: bytes
    nonce: int
    block_number: int
    block_hash: bytes
    transaction_index: int
    gas_used: int
    contract: str | None
    logs: tuple[Log, ...]


def receipt_of(key: str, nonce: int, raw: Mapping[str, Any]) -> Receipt:
    return Receipt(
        key=key,
        transaction_hash=from_hex(raw["transactionHash"]),
        nonce=nonce,
        block_number=from_quantity(raw["blockNumber"]),
        block_hash=from_hex(raw["blockHash"]),
        transaction_index=from_quantity(raw["transactionIndex"]),
        gas_used=from_quantity(raw["gasUsed"]),
        contract=raw.get("contractAddress"),
        logs=tuple(
            Log(
                address=entry["address"],
                topics=tuple(from_hex(topic) for topic in entry["topics"]),
                data=from_hex(entry["data"]),
                index=from_quantity(entry["logIndex"]),
            )
            for entry in raw["logs"]
        ),
    )
