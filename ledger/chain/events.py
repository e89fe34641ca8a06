"""Logs as the contracts' events, from the contracts of one manifest and nobody else.

Anyone may deploy a contract that emits our events: what counts is who emitted. Whether the logs are the
block's, all of them, is checked elsewhere, against its receipts root.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.chain.abi import AbiError, Contract, Event
from ledger.chain.bindings import CONTRACTS
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import RpcError, from_hex, from_quantity


class BadLog(Exception):
    """What our contract cannot have emitted: no log, an unknown event, arguments that do not decode."""


@dataclass(frozen=True, slots=True)
class EntryId:
    """What no two log entries of any chain or fork share. `log_index` counts within the block."""

    chain_id: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int
    emitter: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An event where it happened; `contract` is its emitter's name in the manifest."""

    id: EntryId
    block_number: int
    transaction_index: int
    contract: str
    event: Event


class Decoder:
    """Decodes the logs of a manifest's contracts."""

    def __init__(self, manifest: Manifest, contracts: Mapping[str, type[Contract]] = CONTRACTS) -> None:
        self._chain_id = manifest.chain_id
        self._emitters = {
            bytes.fromhex(deployed.address[2:]): (deployed.address, name, contracts[name].events)
            for name, deployed in manifest.contracts.items()
        }

    @property
    def addresses(self) -> list[str]:
        """Of the emitters: the `address` of an `eth_getLogs` filter."""
        return [address for address, _, _ in self._emitters.values()]

    def decode(self, log: Any) -> Entry | None:
        """A log as the node gives it; None when somebody else emitted it. Raises BadLog."""
        try:
            emitter = self._emitters.get(from_hex(log["address"], 20))
            if emitter is None:
                return None
            if log.get("removed"):
                raise BadLog("a removed log")
            address, contract, events = emitter
            topics = [from_hex(topic, 32) for topic in log["topics"]]
            known = events.get(topics[0]) if topics else None
            if known is None:
                raise BadLog(f"{contract} has no event with topics {log['topics']}")
            return Entry(
                id=EntryId(
                    chain_id=self._chain_id,
                    block_hash=from_hex(log["blockHash"], 32),
                    transaction_hash=from_hex(log["transactionHash"], 32),
                    log_index=from_quantity(log["logIndex"]),
                    emitter=address,
                ),
                block_number=from_quantity(log["blockNumber"]),
                transaction_index=from_quantity(log["transactionIndex"]),
                contract=contract,
                event=known.decode(topics, from_hex(log["data"])),
            )
        except (RpcError, AbiError, LookupError, TypeError, AttributeError) as error:
            raise BadLog(f"not a log: {error!r}") from error

    def decode_all(self, logs: Iterable[Any]) -> list[Entry]:
        """The entries among the logs, in their order. Raises BadLog."""
        return [entry for log in logs if (entry := self.decode(log)) is not None]
