"""Logs as the contracts' events, from the contracts of one manifest and nobody else.

Anyone may deploy a contract that emits our events: what counts is who emitted. Whether the logs are the
block's, all of them, is checked elsewhere, against its receipts root.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ledger.chain.abi import AbiError, Contract, Event
from ledger.chain.bindings import CONTRACTS
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import RpcError, from_hex, from_quantity

# what stands in the logs of a block comes again and again
_word = lru_cache(maxsize=1 << 12)(from_hex)
_number = lru_cache(maxsize=1 << 12)(from_quantity)


class BadLog(Exception):
    """What our contract cannot have emitted: no log, an unknown event, arguments that do not decode."""


class EntryId(msgspec.Struct, frozen=True, gc=False):
    """What no two log entries of any chain or fork share. `log_index` counts within the block."""

    chain_id: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int
    emitter: str


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event where it happened; `contract` is its emitter's name in the manifest, `args` the event's
    `journal_args`."""

    id: EntryId
    block_number: int
    transaction_index: int
    contract: str
    event: Event
    args: bytes


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
            address = _word(log["address"], 20)
            if address not in self._emitters:
                return None
            if log.get("removed"):
                raise BadLog("a removed log")
            return self.read(
                address,
                [_word(topic, 32) for topic in log["topics"]],
                from_hex(log["data"]),
                block_hash=_word(log["blockHash"], 32),
                block_number=_number(log["blockNumber"]),
                transaction_hash=_word(log["transactionHash"], 32),
                transaction_index=_number(log["transactionIndex"]),
                log_index=_number(log["logIndex"]),
            )
        except (RpcError, LookupError, TypeError, AttributeError) as error:
            raise BadLog(f"not a log: {error!r}") from error

    def read(
        self,
        address: bytes,
        topics: Sequence[bytes],
        data: bytes,
        *,
        block_hash: bytes,
        block_number: int,
        transaction_hash: bytes,
        transaction_index: int,
        log_index: int,
    ) -> Entry | None:
        """A log whose place is known; None when somebody else emitted it. Raises BadLog."""
        emitter = self._emitters.get(address)
        if emitter is None:
            return None
        at, contract, events = emitter
        known = events.get(topics[0]) if topics else None
        if known is None:
            said = ", ".join(topic.hex() for topic in topics)
            raise BadLog(f"{contract} has no event with topics [{said}]")
        try:
            event, args = known.decode(topics, data)
        except AbiError as error:
            raise BadLog(f"not a log: {error!r}") from error
        of = EntryId(self._chain_id, block_hash, transaction_hash, log_index, at)
        return Entry(of, block_number, transaction_index, contract, event, args)

    def decode_all(self, logs: Iterable[Any]) -> list[Entry]:
        """The entries among the logs, in their order. Raises BadLog."""
        return [entry for log in logs if (entry := self.decode(log)) is not None]
