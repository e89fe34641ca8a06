"""Block headers of every fork: canonical RLP, hash, and the way from a JSON-RPC block to both.

Forks only ever append fields, so their number tells which are there (Yellow Paper 4.4; EIP-1559, 4895, 4844
and 4788, 7685, 7928 and 7843). Amsterdam's two are as Besu and execution-specs define them; that fork was not
live when this was written.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.proofs import rlp
from ledger.proofs.error import ProofError
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.quantity import BadQuantity, bytes_of, int_of
from ledger.proofs.rlp import RlpError

BLOOM: Final = 256
EMPTY_LIST_HASH: Final = keccak(b"\xc0")
"""`ommers_hash` of a block without ommers: since Paris, and under QBFT, of every block."""


class HeaderError(ProofError):
    """Any refusal of this module."""


class BadHeader(HeaderError):
    """Not a header: wrong encoding, number of fields, or width of one."""


class HashMismatch(HeaderError):
    """A header that is not the one its trusted hash, or its successor, names."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. Numbers are integers, all else the bytes; None from the first field its fork lacks."""

    parent_hash: bytes
    ommers_hash: bytes
    beneficiary: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee: int | None = None
    withdrawals_root: bytes | None = None
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    parent_beacon_root: bytes | None = None
    requests_hash: bytes | None = None
    access_list_hash: bytes | None = None
    slot_number: int | None = None

    def encode(self) -> bytes:
        """The canonical RLP. Raises BadHeader when the fields are those of no fork, or of a wrong width."""
        present = _present([getattr(self, field.name) for field in _FIELDS])
        return rlp.encode([field.encode(value) for field, value in zip(_FIELDS, present, strict=False)])

    @property
    def hash(self) -> bytes:
        """Keccak-256 of the RLP: the block's hash, but under QBFT (see `seals.block_hash`)."""
        return keccak(self.encode())


Value: TypeAlias = int | bytes


class _Number:
    """A field that holds a number, of at most 32 bytes."""

    def __init__(self, name: str, rpc: str) -> None:
        self.name, self.rpc = name, rpc

    def encode(self, value: Value | None) -> bytes:
        if not isinstance(value, int) or not 0 <= value < 1 << 256:
            raise BadHeader(f"{self.rpc} must be a number of at most 32 bytes")
        return rlp.encode_int(value)

    def decode(self, item: rlp.Item) -> Value:
        return rlp.as_int(item)

    def parse(self, value: object) -> Value:
        return int_of(value)


class _Bytes:
    """A field that holds bytes, `size` of them unless it is None."""

    def __init__(self, name: str, rpc: str, size: int | None = HASH) -> None:
        self.name, self.rpc, self.size = name, rpc, size

    def encode(self, value: Value | None) -> bytes:
        if not isinstance(value, bytes) or self.size not in (None, len(value)):
            raise BadHeader(f"{self.rpc} must be {self.size or 'any number of'} bytes")
        return value

    def decode(self, item: rlp.Item) -> Value:
        return rlp.as_bytes(item, self.size)

    def parse(self, value: object) -> Value:
        return bytes_of(value, self.size)


_FIELDS: Final[tuple[_Number | _Bytes, ...]] = (
    _Bytes("parent_hash", "parentHash"),
    _Bytes("ommers_hash", "sha3Uncles"),
    _Bytes("beneficiary", "miner", 20),
    _Bytes("state_root", "stateRoot"),
    _Bytes("transactions_root", "transactionsRoot"),
    _Bytes("receipts_root", "receiptsRoot"),
    _Bytes("logs_bloom", "logsBloom", BLOOM),
    _Number("difficulty", "difficulty"),
    _Number("number", "number"),
    _Number("gas_limit", "gasLimit"),
    _Number("gas_used", "gasUsed"),
    _Number("timestamp", "timestamp"),
    _Bytes("extra_data", "extraData", None),
    _Bytes("mix_hash", "mixHash"),
    _Bytes("nonce", "nonce", 8),
    _Number("base_fee", "baseFeePerGas"),
    _Bytes("withdrawals_root", "withdrawalsRoot"),
    _Number("blob_gas_used", "blobGasUsed"),
    _Number("excess_blob_gas", "excessBlobGas"),
    _Bytes("parent_beacon_root", "parentBeaconBlockRoot"),
    _Bytes("requests_hash", "requestsHash"),
    _Bytes("access_list_hash", "blockAccessListHash"),
    _Number("slot_number", "slotNumber"),
)


FORKS: Final[Mapping[int, str]] = {
    15: "Frontier",
    16: "London",
    17: "Shanghai",
    20: "Cancun",
    21: "Prague",
    23: "Amsterdam",
}
"""The fork that first had headers of so many fields."""


def decode(data: bytes) -> Header:
    """The header that `data` is the canonical RLP of. Raises BadHeader."""
    try:
        items = rlp.as_list(rlp.decode(data))
        if len(items) not in FORKS:
            raise BadHeader(f"no fork has headers of {len(items)} fields")
        values = [field.decode(item) for field, item in zip(_FIELDS, items, strict=False)]
        return Header(*values)  # type: ignore[arg-type]  # each of its field's type
    except RlpError as error:
        raise BadHeader(str(error)) from error


def from_rpc(block: Mapping[str, object]) -> Header:
    """The header of a block as JSON-RPC gives it, whatever else it gives. Raises BadHeader.

    Nothing is checked against its `hash`: compare, if the node is to be caught at once.
    """
    try:
        given = [(field, block.get(field.rpc)) for field in _FIELDS]
        present = _present([None if value is None else field.parse(value) for field, value in given])
    except BadQuantity as error:
        raise BadHeader(str(error)) from error
    if None in present:
        raise BadHeader(f"no fork has headers without {_FIELDS[present.index(None)].rpc} that go on after it")
    return Header(*present)  # type: ignore[arg-type]  # each of its field's type


def _present(values: list[Value | None]) -> list[Value | None]:
    """The values without the Nones at the end. Raises BadHeader when no fork has so many."""
    count = len(values)
    while count and values[count - 1] is None:
        count -= 1
    if count not in FORKS:
        raise BadHeader(f"no fork has headers of {count} fields")
    return values[:count]


def verify_hash(header: Header, trusted: bytes) -> None:
    """Check that this is the header whose hash is trusted. Raises HashMismatch.

    All there is to check where blocks carry no seals, as on the local chain: such an anchor is good for
    development only, since whoever runs the node can make any block.
    """
    if header.hash != trusted:
        raise HashMismatch(f"the header hashes to 0x{header.hash.hex()}, trusted is 0x{trusted.hex()}")


def verify_ancestry(
    headers: Iterable[Header], trusted: bytes, hash_of: Callable[[Header], bytes] = lambda header: header.hash
) -> None:
    """Check that the headers, oldest first and one for each block, lead up to the one of the trusted hash.

    `hash_of` is `seals.block_hash` under QBFT. Raises HashMismatch, also when there are no headers.
    """
    expected, number = trusted, None
    for header in reversed(list(headers)):
        if hash_of(header) != expected or number not in (None, header.number + 1):
            raise HashMismatch(
                f"block {header.number} is not the one that is trusted, or its successor's parent"
            )
        expected, number = header.parent_hash, header.number
    if number is None:
        raise HashMismatch("no header leads up to the trusted hash")
