"""The history of an exchange as one file (`ledger.proofs.history`), from a node at one final block."""

from collections.abc import AsyncIterator
from typing import Any

from eth_utils.abi import abi_to_signature, event_abi_to_log_topic

from ledger.chain.bindings import CONTRACTS
from ledger.chain.capture import capture
from ledger.chain.rpc import Rpc
from ledger.proofs import evidence, history
from ledger.proofs.trust import Trust


async def export(
    rpc: Rpc, trust: Trust, block_hash: bytes, *, since: int, after: bytes | None = None
) -> AsyncIterator[bytes]:
    """The lines; one contract's entries are held at a time. Arguments and errors are those of `capture`."""
    for name in sorted(trust.contracts):
        subject = {"type": "journal", "contract": name}
        data = await capture(rpc, trust, subject, block_hash, since=since, after=after)
        for line in history.encode(evidence.decode(data), _signatures(name)):
            yield line


def _signatures(contract: str) -> dict[bytes, str]:
    abi: Any = CONTRACTS[contract].artifact().abi
    events = [entry for entry in abi if entry["type"] == "event"]
    return {event_abi_to_log_topic(entry): abi_to_signature(entry) for entry in events}
