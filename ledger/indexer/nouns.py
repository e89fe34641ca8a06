"""How each table of the state stands in SQL: the one place to change when a struct, a key or a table does.

A row of SQL holds what several tables of the state say under the same key: of a listing its record, its legal
basis, its token's holder … A part that no event has told is NULL in all of its columns.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from ledger.chain.abi import Param, Spec, Struct, checksummed
from ledger.chain.bindings.structs import (
    Attestation,
    Checkpoint,
    Licence,
    Listing,
    Money,
    Participant,
    Plan,
    Terms,
    Upstream,
    Version,
)
from ledger.domain.ids import listing_of
from ledger.indexer.state import Dispute, Journal, Order, Pack, Payment

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some columns of a row, and the table of the state (or what else it holds) that they stand for."""

    path: str
    width: int
    lower: Callable[[Any], Values]
    lift: Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class Noun:
    """The SQL table `index_` and `name`. `lasting`: rows are written once, under keys never seen before.
    `implied`: columns behind the key that follow from it, for SQL, which cannot work them out."""

    name: str
    key: tuple[Spec, ...]
    parts: tuple[Part, ...]
    lasting: bool = False
    implied: tuple[Callable[[Any], int], ...] = ()

    @property
    def head(self) -> int:
        """How many columns stand before the parts."""
        return len(self.key) + len(self.implied)

    def lower_key(self, key: Any) -> Values:
        """From the state's key to that of the row."""
        values = key if len(self.key) > 1 else (key,)
        return tuple(map(_lower, self.key, values))

    def lower_head(self, key: Any) -> Values:
        """From the state's key to the row's columns before the parts."""
        return self.lower_key(key) + tuple(imply(key) for imply in self.implied)

    def lift_key(self, row: Values) -> Any:
        """From a row to the state's key."""
        values = tuple(_lift(spec, value) for spec, value in zip(self.key, row, strict=False))
        return values if len(self.key) > 1 else values[0]

    def lift(self, row: Values) -> dict[str, Any]:
        """From a row to what it says, by path in the state; what was never told is left out."""
        found, at = {}, self.head
        for part in self.parts:
            values = row[at : at + part.width]
            if any(value is not None for value in values):
                found[part.path] = part.lift(values)
            at += part.width
        return found


def value(path: str, spec: Spec) -> Part:
    """A table of plain values."""
    return Part(path, 1, lambda found: (_lower(spec, found),), lambda values: _lift(spec, values[0]))


def record(path: str, kind: type[Any], *params: Param) -> Part:
    """A table of records; `params` tell the types of fields, unless it is a struct of the contracts."""
    fields = params or kind.abi_params
    columns = list(_columns(fields))
    take = attrgetter(*(name for name, _ in columns))
    changed = [(at, of) for at, (_, spec) in enumerate(columns) if (of := _lowering(spec)) is not None]

    def lower(found: Any) -> Values:
        values = list(take(found))
        for at, of in changed:
            values[at] = of(values[at])
        return tuple(values)

    return Part(path, len(columns), lower, lambda values: _lift_fields(kind, fields, values))


def _columns(params: Sequence[Param]) -> Iterator[tuple[str, Spec]]:
    """Where each value of a record is found in it, and its type."""
    for name, spec, _ in params:
        if inner := _struct(spec):
            yield from ((f"{name}.{below}", spec) for below, spec in _columns(inner.abi_params))
        else:
            yield name, spec


def _struct(spec: Spec) -> type[Struct] | None:
    return spec if isinstance(spec, type) and issubclass(spec, Struct) else None


def _lift_fields(kind: type[Any], params: Sequence[Param], values: Values) -> Any:
    fields, at = [], 0
    for _, spec, _ in params:
        if inner := _struct(spec):
            width = len(list(_columns(inner.abi_params)))
            fields.append(_lift_fields(inner, inner.abi_params, values[at : at + width]))
            at += width
        else:
            fields.append(_lift(spec, values[at]))
            at += 1
    return kind(*fields)


def _lower(spec: Spec, found: Any) -> Any:
    lower = _lowering(spec)
    return found if lower is None else lower(found)


def _lowering(spec: Spec) -> Callable[[Any], Any] | None:
    if spec == "address":
        return account_of
    return int if isinstance(spec, type) and issubclass(spec, IntEnum) else None


@lru_cache(maxsize=1 << 14)
def account_of(address: str) -> bytes:
    """The 20 bytes of an address."""
    return bytes.fromhex(address[2:])


def _lift(spec: Spec, found: Any) -> Any:
    if spec == "address":
        return checksummed(f"0x{found.hex()}")
    return spec(found) if isinstance(spec, type) and issubclass(spec, IntEnum) else found


def _lower_upstreams(found: tuple[Upstream, ...]) -> Values:
    return (json.dumps([[upstream.licence, upstream.share_bps] for upstream in found]),)


def _lift_upstreams(values: Values) -> tuple[Upstream, ...]:
    return tuple(Upstream(*upstream) for upstream in json.loads(values[0]))


NOUNS: Final = (
    Noun(
        "contracts",
        ("string",),
        (
            record("journals", Journal, Param("length", "uint64"), Param("head", "bytes32")),
            value("authorities", "address"),
        ),
    ),
    Noun(
        "participants",
        ("address",),
        (
            record("participants", Participant),
            value("ever_held", "uint16"),
            value("credentials", "bytes32"),
            value("listing_tokens.balances", "uint64"),
            value("licence_tokens.balances", "uint64"),
            value("anchored", "uint64"),
        ),
    ),
    Noun(
        "listings",
        ("uint48",),
        (
            record("listings", Listing),
            value("legal_bases", "bytes32"),
            Part("upstreams", 1, _lower_upstreams, _lift_upstreams),
            value("listing_tokens.owners", "address"),
            value("listing_tokens.approved", "address"),
        ),
    ),
    Noun("versions", ("uint48", "uint24"), (record("versions", Version),)),
    Noun(
        "claims",
        ("bytes32",),
        (Part("deposits", 2, lambda found: found, tuple),),
    ),
    Noun("attestations", ("uint48", "uint24", "uint8"), (record("attestations", Attestation),)),
    Noun("transfers", ("uint48", "address"), (value("transfer_approvals", "uint40"),)),
    Noun("plans", ("uint64",), (record("plans", Plan),)),
    Noun(
        "licences",
        ("uint96",),
        (
            record("licences", Licence),
            value("licence_tokens.owners", "address"),
            value("licence_tokens.approved", "address"),
        ),
        implied=(listing_of,),
    ),
    Noun(
        "operators",
        ("address", "address"),
        (value("listing_tokens.operators", "bool"), value("licence_tokens.operators", "bool")),
    ),
    Noun(
        "orders",
        ("uint64", "uint32"),
        (
            record(
                "orders",
                Order,
                Param("licence", "uint96"),
                Param("buyer", "address"),
                Param("version", "uint24"),
                Param("pack", "uint24"),
                Param("price", "uint96"),
                Param("currency", "uint8"),
                Param("renewal", "bool"),
                Param("time", "uint40"),
            ),
        ),
        lasting=True,
    ),
    Noun(
        "payments",
        ("bytes32",),
        (
            record(
                "payments",
                Payment,
                Param("licence", "uint96"),
                Param("provider", "address"),
                Param("currency", "uint8"),
                Param("amount", "uint96"),
                Param("time", "uint40"),
            ),
        ),
    ),
    Noun(
        "disputes",
        ("uint96",),
        (
            record(
                "disputes",
                Dispute,
                Param("buyer", "address"),
                Param("opened_at", "uint40"),
                Param("deadline", "uint40"),
                Param("reason", "bytes32"),
                Param("arbiter", "address"),
                Param("refund", "uint96"),
                Param("decision", "bytes32"),
                Param("closed_at", "uint40"),
            ),
        ),
    ),
    Noun("currencies", ("uint8",), (record("currencies", Money), value("escrow", "uint256"))),
    Noun("balances", ("uint8", "address"), (value("owed", "uint256"),)),
    Noun("anchors", ("address", "uint256"), (record("checkpoints", Checkpoint),)),
)
"""Every table of the state."""

EXCHANGE: Final = Noun(
    "exchange",
    ("uint8",),
    (
        Part("place", 2, lambda found: found, tuple),
        value("block_time", "uint40"),
        record("rule_pack", Pack, Param("address", "address"), Param("version", "uint24")),
        record("terms", Terms),
        value("treasury", "address"),
        value("tax_authority", "address"),
    ),
)
"""All else that the state holds, in one row."""
