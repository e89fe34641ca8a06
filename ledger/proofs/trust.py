"""What a verifier must know beforehand, and whom it believes: the trust file.

    {"format": "socai-trust-1", "chain_id": 84084, "genesis_hash": "0x…",
     "anchor": {"type": "development"}
            or {"type": "qbft", "listed": true, "validators": [{"from": 0, "addresses": ["0x…", …]}, …]},
     "maximum_age": 86400 or null,
     "contracts": {"Licences": {"address": "0x…", "code_hash": "0x…", "storage": …, "events": [ … ]}, …}}

`storage` is solc's `storageLayout` of the contract with that code, `events` are its ABI's entries of the
events that claims rest on. Each `validators` entry holds from its block on, until the next; `listed` tells
whether headers list the validators or a contract keeps them. Numbers of `maximum_age` are seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

from ledger.proofs import canonical, seals
from ledger.proofs.error import ProofError
from ledger.proofs.header import Header
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.quantity import BadQuantity, bytes_of
from ledger.proofs.receipts import Log
from ledger.proofs.slots import WORD, Layout

FORMAT: Final = "socai-trust-1"

Value: TypeAlias = int | bytes
"""An event's argument: numbers, enums and booleans as numbers, addresses and `bytesN` as bytes."""


class BadTrust(ProofError):
    """Not a trust file."""


class OtherEvent(ProofError):
    """A log that is not of this event, or does not decode."""


class UnknownValidators(ProofError):
    """The trust file names no validators for a block so early."""


@dataclass(frozen=True, slots=True)
class Development:
    """No seals: good for nothing but development, since whoever runs the node can make any block."""

    def __str__(self) -> str:
        return "development (no seals: whoever runs the node can make any block)"

    def check(self, header: Header) -> bytes:
        """The hash of the block."""
        return self.hash_of(header)

    def hash_of(self, header: Header) -> bytes:
        """Without a look at who made it."""
        return header.hash


@dataclass(frozen=True, slots=True)
class Qbft:
    """A quorum of these validators, by the first block they seal. `listed`: headers list them."""

    validators: tuple[tuple[int, frozenset[bytes]], ...]
    listed: bool

    def __str__(self) -> str:
        return f"QBFT seals by a quorum of {len(self.validators[-1][1])} pinned validators"

    def check(self, header: Header) -> bytes:
        """The hash of the block, once a quorum sealed it. Raises UnknownValidators, a `SealError`."""
        sealing = [who for first, who in self.validators if first <= header.number]
        if not sealing or not header.number:
            raise UnknownValidators(f"nobody is trusted to have sealed block {header.number}")
        (seals.verify_listed if self.listed else seals.verify_contract)(header, sealing[-1])
        return self.hash_of(header)

    def hash_of(self, header: Header) -> bytes:
        """Without a look at who sealed it: of the genesis block nobody did."""
        return seals.block_hash(header)


Anchor: TypeAlias = Development | Qbft


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event of value types only: its arguments' names, ABI types, and whether each is in the topics."""

    topic0: bytes
    inputs: tuple[tuple[str, str, bool], ...]

    def decode(self, log: Log) -> dict[str, Value]:
        """The arguments in declared order. Raises OtherEvent."""
        topics = list(log.topics)
        if not topics or topics.pop(0) != self.topic0 or len(log.data) % WORD:
            raise OtherEvent("a log of another event")
        words = [log.data[at : at + WORD] for at in range(0, len(log.data), WORD)]
        if len(topics) != sum(indexed for _, _, indexed in self.inputs) or len(words) != len(
            self.inputs
        ) - len(topics):
            raise OtherEvent("a log with another number of arguments")
        return {
            name: _value(kind, (topics if indexed else words).pop(0)) for name, kind, indexed in self.inputs
        }


@dataclass(frozen=True, slots=True)
class Pinned:
    """A contract: address (20 bytes), Keccak-256 of its code on chain, and what that code is known by."""

    address: bytes
    code_hash: bytes
    layout: Layout
    events: Mapping[str, EventKind]

    def event(self, name: str) -> EventKind:
        """Raises BadTrust."""
        if name not in self.events:
            raise BadTrust(f"the trust file does not say what event {name} is")
        return self.events[name]


@dataclass(frozen=True, slots=True)
class Trust:
    """`maximum_age` is in seconds, None for any."""

    chain_id: int
    genesis_hash: bytes
    anchor: Anchor
    maximum_age: int | None
    contracts: Mapping[str, Pinned]


def read(data: bytes) -> Trust:
    """The trust file. Raises BadTrust."""
    try:
        return _trust(canonical.loads(data))
    except (KeyError, TypeError, ValueError, AttributeError, BadQuantity) as error:
        raise BadTrust(f"not a trust file: {error!r}") from error


def _trust(top: Any) -> Trust:
    _keys(top, "format", "chain_id", "genesis_hash", "anchor", "maximum_age", "contracts")
    if top["format"] != FORMAT:
        raise BadTrust(f"the format is {top['format']!r}, {FORMAT!r} is expected")
    age = top["maximum_age"]
    return Trust(
        chain_id=_count(top["chain_id"]),
        genesis_hash=bytes_of(top["genesis_hash"], HASH),
        anchor=_anchor(top["anchor"]),
        maximum_age=None if age is None else _count(age),
        contracts={name: _pinned(found) for name, found in top["contracts"].items()},
    )


def _anchor(value: Any) -> Anchor:
    if value["type"] == "development":
        _keys(value, "type")
        return Development()
    if value["type"] != "qbft":
        raise BadTrust(f"there is no anchor {value['type']!r}")
    _keys(value, "type", "listed", "validators")
    if not isinstance(value["listed"], bool):
        raise BadTrust("listed is true or false")
    sets: list[tuple[int, frozenset[bytes]]] = []
    for entry in value["validators"]:
        _keys(entry, "from", "addresses")
        members = frozenset(bytes_of(address, 20) for address in entry["addresses"])
        if not members or len(members) != len(entry["addresses"]):
            raise BadTrust("a validator set without members, or with one twice")
        sets.append((_count(entry["from"]), members))
    if not sets or any(first >= then for (first, _), (then, _) in pairwise(sets)):
        raise BadTrust("validator sets stand in ascending order of their first blocks, at least one")
    return Qbft(tuple(sets), value["listed"])


def _pinned(value: Any) -> Pinned:
    _keys(value, "address", "code_hash", "storage", "events")
    return Pinned(
        bytes_of(value["address"], 20),
        bytes_of(value["code_hash"], HASH),
        Layout(value["storage"]),
        {entry["name"]: _event(entry["name"], entry["inputs"]) for entry in value["events"]},
    )


def _event(name: str, inputs: Sequence[Mapping[str, Any]]) -> EventKind:
    for entry in inputs:
        _size(entry["type"])
    signature = f"{name}({','.join(entry['type'] for entry in inputs)})"
    return EventKind(
        keccak(signature.encode()),
        tuple((entry["name"], entry["type"], entry["indexed"] is True) for entry in inputs),
    )


def _size(kind: str) -> int:
    """Bytes of a value type. Raises BadTrust for any other."""
    if kind in ("address", "bool"):
        return 20 if kind == "address" else 1
    if kind.startswith("uint") and kind[4:].isdecimal():
        return int(kind[4:]) // 8
    if kind.startswith("bytes") and kind[5:].isdecimal():
        return int(kind[5:])
    raise BadTrust(f"{kind} is no type that is read here")


def _value(kind: str, word: bytes) -> Value:
    size = _size(kind)
    left = kind.startswith("bytes")
    found, rest = (word[:size], word[size:]) if left else (word[WORD - size :], word[: WORD - size])
    if any(rest) or (kind == "bool" and found > b"\1"):
        raise OtherEvent(f"an argument that is no {kind}")
    return found if left or kind == "address" else int.from_bytes(found)


def _keys(value: Any, *names: str) -> None:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise BadTrust(f"an object with exactly {', '.join(names)} is expected")


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise BadTrust(f"{value!r} is no number")
    return value
