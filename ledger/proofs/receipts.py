"""Transaction receipts: encoding, logs bloom, and the root under which a block's header commits to them.

A receipt is ``rlp([status or state root, cumulative gas, bloom, [[address, [topic, …], data], …]])``, after
its type's byte when it has one (Yellow Paper 4.4.1; EIP-658, EIP-2718).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ledger.proofs import mpt, rlp
from ledger.proofs.error import ProofError
from ledger.proofs.header import BLOOM, Header
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.quantity import BadQuantity, bytes_of, int_of
from ledger.proofs.rlp import Item, RlpError

TYPES: Final[Mapping[int, str]] = {
    0: "legacy",
    1: "access list (EIP-2930)",
    2: "dynamic fee (EIP-1559)",
    3: "blob (EIP-4844)",
    4: "set code (EIP-7702)",
}
MAX_TOPICS: Final = 4


class ReceiptError(ProofError):
    """Any refusal of this module."""


class BadReceipt(ReceiptError):
    """Not a receipt."""


class BloomMismatch(ReceiptError):
    """A bloom is not that of the logs: some are forged, left out or invented."""


class ReceiptsMismatch(ReceiptError):
    """The receipts are not those the header commits to."""


class ReceiptAbsent(ReceiptError):
    """The block is proven to have no such receipt."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract emitted: its address (20 bytes), at most four topics (32 bytes each), and data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes

    def encode(self) -> bytes:
        """As it stands in a receipt."""
        topics = rlp.encode_list([b"\xa0" + topic for topic in self.topics])
        return rlp.encode_list((b"\x94" + self.address, topics, rlp.encode(self.data)))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt. `outcome` is b"\\1" for success, b"" for failure, a state root before Byzantium."""

    type: int
    outcome: bytes
    cumulative_gas: int
    bloom: bytes
    logs: tuple[Log, ...]

    def encode(self) -> bytes:
        """As it stands in the trie."""
        # by hand, since an index encodes every receipt: prefixes of 20, 32 and 256 bytes are constant
        fields = rlp.encode_list(
            (
                rlp.encode(self.outcome),
                rlp.encode(rlp.encode_int(self.cumulative_gas)),
                b"\xb9\x01\x00" + self.bloom,
                rlp.encode_list([log.encode() for log in self.logs]),
            )
        )
        return bytes((self.type,)) + fields if self.type else fields


def decode(data: bytes) -> Receipt:
    """The receipt that stands in the trie. Raises BadReceipt, BloomMismatch."""
    kind = data[0] if data and data[0] < 0xC0 else 0
    if kind not in TYPES or data[:1] == b"\0":
        raise BadReceipt(f"there are no receipts of type {kind}")
    try:
        outcome, gas, bloom, logs = rlp.as_list(rlp.decode(data[1:] if kind else data), 4)
        receipt = Receipt(
            kind,
            rlp.as_bytes(outcome),
            rlp.as_int(gas),
            rlp.as_bytes(bloom, BLOOM),
            tuple(map(_log, rlp.as_list(logs))),
        )
    except RlpError as error:
        raise BadReceipt(str(error)) from error
    return _checked(receipt)


def from_rpc(receipt: Mapping[str, object]) -> Receipt:
    """A receipt as JSON-RPC gives it, whatever else it gives. Raises BadReceipt, BloomMismatch."""
    try:
        kind = int_of(receipt.get("type", "0x0"))
        if receipt.get("status") is None:
            outcome = bytes_of(receipt.get("root"), HASH)
        else:
            outcome = rlp.encode_int(int_of(receipt["status"]))
        logs = receipt.get("logs")
        if kind not in TYPES or not isinstance(logs, list):
            raise BadReceipt(f"a receipt of type {kind} without logs" if kind in TYPES else f"no type {kind}")
        gas, bloom = int_of(receipt.get("cumulativeGasUsed")), bytes_of(receipt.get("logsBloom"), BLOOM)
        return _checked(Receipt(kind, outcome, gas, bloom, tuple(map(_log_from_rpc, logs))))
    except BadQuantity as error:
        raise BadReceipt(str(error)) from error


def block_from_rpc(receipts: Sequence[Mapping[str, object]]) -> list[Receipt]:
    """All receipts of a block (`eth_getBlockReceipts`), in order. Raises BadReceipt, BloomMismatch."""
    for index, receipt in enumerate(receipts):
        if receipt.get("transactionIndex") != hex(index):
            raise BadReceipt(f"receipt {index} says it is {receipt.get('transactionIndex')}")
    return list(map(from_rpc, receipts))


def bloom_of(logs: Iterable[Log]) -> bytes:
    """The 2,048-bit bloom of the logs' addresses and topics."""
    bits = 0
    for log in logs:
        bits |= _bits(log.address)
        for topic in log.topics:
            bits |= _bits(topic)
    return bits.to_bytes(BLOOM)


def may_contain(bloom: bytes, *entries: bytes) -> bool:
    """Whether the bloom has the bits of all entries (addresses or topics). False is certain, True is not."""
    bits = int.from_bytes(bloom)
    return all(bits & _bits(entry) == _bits(entry) for entry in entries)


def trie(receipts: Sequence[Receipt]) -> mpt.Trie:
    """The trie of a block's receipts, for its root and for proofs (by `mpt.index_key`)."""
    return mpt.Trie({mpt.index_key(index): receipt.encode() for index, receipt in enumerate(receipts)})


def verify_block(header: Header, receipts: Sequence[Receipt]) -> None:
    """Check that these are all receipts of the block, by its bloom and its receipts root.

    Raises ReceiptsMismatch, and BloomMismatch when not even the bloom fits.
    """
    if bloom_of(log for receipt in receipts for log in receipt.logs) != header.logs_bloom:
        raise BloomMismatch(f"the logs are not those of block {header.number}")
    if trie(receipts).root != header.receipts_root:
        raise ReceiptsMismatch(f"the receipts are not those of block {header.number}")


def verify(receipts_root: bytes, index: int, proof: Sequence[bytes]) -> Receipt:
    """The receipt that the proof shows at `index` of the block with the trusted root.

    Raises ReceiptAbsent, BadReceipt, BloomMismatch, and a `TrieError` for a proof that proves nothing.
    """
    if index < 0:
        raise ReceiptAbsent(f"there is no receipt {index}")
    data = mpt.prove(receipts_root, mpt.index_key(index), proof)
    if data is None:
        raise ReceiptAbsent(f"the block is proven to have no receipt {index}")
    return decode(data)


def _checked(receipt: Receipt) -> Receipt:
    if receipt.outcome not in (b"", b"\1") and (receipt.type or len(receipt.outcome) != HASH):
        raise BadReceipt("a receipt's outcome is 0, 1 or, of the legacy type, a state root")
    if bloom_of(receipt.logs) != receipt.bloom:
        raise BloomMismatch("a receipt's bloom is not that of its logs")
    return receipt


def _log(item: Item) -> Log:
    address, topics, data = rlp.as_list(item, 3)
    if len(rlp.as_list(topics)) > MAX_TOPICS:
        raise BadReceipt(f"a log has at most {MAX_TOPICS} topics")
    return Log(
        rlp.as_bytes(address, 20),
        tuple(rlp.as_bytes(topic, HASH) for topic in rlp.as_list(topics)),
        rlp.as_bytes(data),
    )


def _log_from_rpc(log: object) -> Log:
    if not isinstance(log, dict) or not isinstance(topics := log.get("topics"), list):
        raise BadReceipt("a log is an object with topics")
    if len(topics) > MAX_TOPICS:
        raise BadReceipt(f"a log has at most {MAX_TOPICS} topics")
    return Log(
        bytes_of(log.get("address"), 20),
        tuple([bytes_of(topic, HASH) for topic in topics]),
        bytes_of(log.get("data")),
    )


@lru_cache(maxsize=1 << 14)
def _bits(entry: bytes) -> int:
    digest = keccak(entry)
    return (
        1 << (int.from_bytes(digest[0:2]) & 2047)
        | 1 << (int.from_bytes(digest[2:4]) & 2047)
        | 1 << (int.from_bytes(digest[4:6]) & 2047)
    )
