"""Blocks and their events from a node that is not believed.

    head = await source.head()
    headers = await source.headers(120, 180)
    blocks = await source.read(headers)

A header must hash to the hash by which the node names it, so that parent hashes bind a run of them. Its bloom
says at once that none of our contracts emitted anything; where it may be otherwise, all receipts of the block
are fetched, and their root must be the header's. So no log can be altered, left out or put in, and each place
(block, transaction, log index) is counted here.

What this leaves open: which of two chains is the right one (that is finality's question), and the hashes of
transactions, which receipts do not commit to; they are only held against the block's own list of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.chain.events import Decoder, Entry
from ledger.chain.rpc import MalformedAnswer, Rpc, from_hex, to_hex
from ledger.indexer.reconcile import Link
from ledger.proofs import header, receipts
from ledger.proofs.error import ProofError
from ledger.proofs.header import Header
from ledger.proofs.receipts import Log, Receipt
from ledger.proofs.trust import Anchor

HASHES: Final = 32


class FetchError(Exception):
    """What the node gave is not the chain's."""


class BlockMissing(FetchError):
    """The node does not have the block, or not any more: the chain may just have moved."""


class ForgedHeader(FetchError):
    """The header does not hash to the block's hash, or is another block's."""


class InventedLog(FetchError):
    """A log that the header's bloom excludes: put in, or its emitter or topics altered."""


class OmittedLog(FetchError):
    """The header's bloom has what no log accounts for: at least one was left out."""


class ForgedLog(FetchError):
    """The receipts are not those that the header commits to: something in them was altered."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A header that hashes to its link; `transactions` are the hashes the node lists."""

    link: Link
    header: Header
    transactions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block's events, of our contracts only, in order; `time` in Unix seconds."""

    link: Link
    time: int
    entries: tuple[Entry, ...]


class Source:
    """One node. `anchor` says what a block's hash is, and under QBFT whether it was sealed."""

    def __init__(self, rpc: Rpc, decoder: Decoder, anchor: Anchor) -> None:
        self._rpc = rpc
        self._decoder = decoder
        self._emitters = [bytes.fromhex(address[2:]) for address in decoder.addresses]
        self._anchor = anchor
        self._head: Sealed | None = None

    async def head(self) -> Sealed:
        """The node's newest block, which is checked when it is new. Raises FetchError, RpcError."""
        raw = await self._rpc.request("eth_getBlockByNumber", ["latest", False])
        named = raw.get("hash") if isinstance(raw, dict) else None
        if self._head is None or named != to_hex(self._head.link.hash):
            self._head = self._sealed(raw, "latest")
        return self._head

    async def headers(self, first: int, last: int) -> list[Sealed]:
        """The node's blocks of these numbers. Raises FetchError, RpcError."""
        numbers = range(first, last + 1)
        found = await self._rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        sealed = [self._sealed(raw, str(number)) for raw, number in zip(found, numbers, strict=True)]
        for one, number in zip(sealed, numbers, strict=True):
            if one.link.number != number:
                raise ForgedHeader(f"asked for block {number}, the node gave block {one.link.number}")
        return sealed

    async def read(self, headers: Sequence[Sealed]) -> list[Block]:
        """Their events. Raises FetchError, RpcError, BadLog."""
        busy = [one for one in headers if self.concerns(one.header)]
        found = await self._rpc.batch([("eth_getBlockReceipts", [to_hex(one.link.hash)]) for one in busy])
        entries = {one.link: self._entries(one, raw) for one, raw in zip(busy, found, strict=True)}
        return [Block(one.link, one.header.timestamp, entries.get(one.link, ())) for one in headers]

    def concerns(self, of: Header) -> bool:
        """Whether one of our contracts may have emitted something; no is certain."""
        return any(receipts.may_contain(of.logs_bloom, emitter) for emitter in self._emitters)

    def _sealed(self, raw: Any, which: str) -> Sealed:
        if raw is None:
            raise BlockMissing(f"the node has no block {which}")
        if not isinstance(raw, dict) or not isinstance(raw.get("transactions"), list):
            raise MalformedAnswer(f"block {which} is not a block")
        try:
            found = header.from_rpc(raw)
            actual = self._anchor.check(found) if found.number else self._anchor.hash_of(found)
        except ProofError as error:
            raise ForgedHeader(f"block {which}: {error}") from error
        if actual != from_hex(raw.get("hash"), HASHES):
            raise ForgedHeader(f"the header of block {which} hashes to {to_hex(actual)}, not {raw['hash']}")
        link = Link(found.number, actual, found.parent_hash)
        return Sealed(link, found, tuple(map(str, raw["transactions"])))

    def _entries(self, one: Sealed, raw: Any) -> tuple[Entry, ...]:
        where = f"block {one.link.number}"
        if raw is None:
            raise BlockMissing(f"the node has no receipts of {where}")
        if not isinstance(raw, list) or not all(isinstance(receipt, dict) for receipt in raw):
            raise MalformedAnswer(f"no list of receipts of {where}")
        try:
            found = receipts.block_from_rpc(raw)
            receipts.verify_block(one.header, found)
        except receipts.BloomMismatch:
            try:
                lie = _lie(one.header, raw)
            except (LookupError, TypeError) as error:
                raise MalformedAnswer(f"the receipts of {where}: {error!r}") from error
            raise lie from None
        except receipts.ReceiptsMismatch as error:
            raise ForgedLog(f"{error}: something in them was altered") from error
        except ProofError as error:
            raise MalformedAnswer(f"the receipts of {where}: {error}") from error
        if tuple(receipt.get("transactionHash") for receipt in raw) != one.transactions:
            raise ForgedLog(f"the receipts of {where} name other transactions than the block")
        return tuple(self._decoded(one, found))

    def _decoded(self, one: Sealed, found: Sequence[Receipt]) -> Iterator[Entry]:
        """The entries at the places that they have by count, whatever places the node gives them."""
        log_index = 0
        for index, (receipt, transaction) in enumerate(zip(found, one.transactions, strict=True)):
            transaction_hash = from_hex(transaction, HASHES)
            for log in receipt.logs:
                entry = self._decoder.read(
                    log.address,
                    log.topics,
                    log.data,
                    block_hash=one.link.hash,
                    block_number=one.link.number,
                    transaction_hash=transaction_hash,
                    transaction_index=index,
                    log_index=log_index,
                )
                log_index += 1
                if entry is not None:
                    yield entry


def _lie(of: Header, raw: Sequence[dict[str, Any]]) -> FetchError:
    """What is wrong with logs that do not have the header's bloom, by name."""
    logs = [
        Log(from_hex(log["address"], 20), tuple(from_hex(topic, 32) for topic in log["topics"]), b"")
        for receipt in raw
        for log in receipt["logs"]
    ]
    for index, log in enumerate(logs):
        if not receipts.may_contain(of.logs_bloom, log.address, *log.topics):
            return InventedLog(
                f"log {index} of block {of.number}, said to be from 0x{log.address.hex()}, is none of the "
                "block's: its bloom excludes it"
            )
    if receipts.bloom_of(logs) != of.logs_bloom:
        return OmittedLog(f"logs of block {of.number} were left out: its bloom has more than those given")
    return ForgedLog(f"the logs of block {of.number} are not those of their receipts: some were altered")
