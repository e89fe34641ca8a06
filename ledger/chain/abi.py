"""What the generated bindings are made of: ABI values as Python values, events, errors, calls, contracts.

    address                  str, EIP-55              enum              its IntEnum
    string                   str                      struct            its Struct
    bytes, bytesN            bytes                    T[], T[N]         tuple
    intN, uintN, bool        int, bool                type X is T       as T

A string need not be UTF-8 on chain: bytes that are not become lone surrogates (PEP 383), so that nothing a
sender writes stops a reader, and encoding gives the very bytes back.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeAlias, TypeVar

import msgspec
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.address import to_checksum_address

from ledger.chain.words import Words, rearranged, row, word

T = TypeVar("T")


class AbiError(Exception):
    """Bytes that are no encoding of the expected types, or values that do not fit them."""


class Array(NamedTuple):
    """`of[size]`, or `of[]` without size."""

    of: "Spec"
    size: int | None = None


class Param(NamedTuple):
    """A named value: of an event, an error or a struct."""

    name: str
    spec: "Spec"
    indexed: bool = False


class Struct(msgspec.Struct, frozen=True, gc=False):
    """Base of generated structs. Like events they are msgspec's, since a replay makes several for each log: a
    frozen dataclass takes 13 times as long to make, and 25 times to replace."""

    abi_params: ClassVar[tuple[Param, ...]]


Spec: TypeAlias = str | type[IntEnum] | type[Struct] | Array
"""A type: an elementary one by its Solidity name, a generated enum or struct, or an array of these."""


def decode(specs: Sequence[Spec], data: bytes) -> tuple[Any, ...]:
    """`abi.decode`. Raises AbiError."""
    row = _row(tuple(specs))
    if row is not None and len(data) == row.size:
        try:
            values: tuple[Any, ...] = row.read(data)
            return values
        except ValueError:
            pass  # eth-abi will say what is wrong
    try:
        raw = abi_decode(_types(tuple(specs)), data)
        return tuple(_lift(spec, value) for spec, value in zip(specs, raw, strict=True))
    except (DecodingError, ValueError, OverflowError) as error:
        raise AbiError(f"not an encoding of ({', '.join(_types(tuple(specs)))}): {error}") from error


def encode(specs: Sequence[Spec], values: Sequence[Any]) -> bytes:
    """`abi.encode`. Raises AbiError."""
    row = _row(tuple(specs))
    if row is not None:
        try:
            return row.write(values)
        except (ValueError, TypeError, AttributeError):
            pass  # eth-abi will say what is wrong
    try:
        raw = [_lower(spec, value) for spec, value in zip(specs, values, strict=True)]
        return abi_encode(_types(tuple(specs)), raw)
    except (EncodingError, ValueError, TypeError, AttributeError) as error:
        raise AbiError(f"does not fit ({', '.join(_types(tuple(specs)))}): {error}") from error


@cache
def _row(specs: tuple[Spec, ...]) -> Words | None:
    """Values one after the other, each of a fixed number of words; None when one has another size."""
    found = [_words(spec) for spec in specs]
    return None if None in found else row([one for one in found if one is not None])


def _words(spec: Spec) -> Words | None:
    if not (isinstance(spec, type) and issubclass(spec, Struct)):
        return word(spec)
    names = tuple(param.name for param in spec.abi_params)
    if (fields := _row(tuple(param.spec for param in spec.abi_params))) is None:
        return None
    return Words(
        fields.size,
        lambda data: spec(*fields.read(data)),
        lambda value: fields.write([getattr(value, name) for name in names]),
    )


@cache
def _types(specs: tuple[Spec, ...]) -> tuple[str, ...]:
    return tuple(_type(spec) for spec in specs)


def _type(spec: Spec) -> str:
    """The type as eth-abi shall see it: a string as its bytes, an enum as uint8."""
    if isinstance(spec, str):
        return "bytes" if spec == "string" else spec
    if isinstance(spec, Array):
        return f"{_type(spec.of)}[{'' if spec.size is None else spec.size}]"
    if issubclass(spec, Struct):
        return f"({','.join(_type(param.spec) for param in spec.abi_params)})"
    return "uint8"


def _lift(spec: Spec, raw: Any) -> Any:
    if isinstance(spec, str):
        if spec == "address":
            return checksummed(raw)
        return raw.decode("utf-8", "surrogateescape") if spec == "string" else raw
    if isinstance(spec, Array):
        return tuple(_lift(spec.of, value) for value in raw)
    if issubclass(spec, Struct):
        return spec(*(_lift(param.spec, value) for param, value in zip(spec.abi_params, raw, strict=True)))
    return spec(raw)


def _lower(spec: Spec, value: Any) -> Any:
    if isinstance(spec, str):
        if spec == "string":
            return value.encode("utf-8", "surrogateescape")
        if spec == "address" and value not in (value.lower(), checksummed(value.lower())):
            raise ValueError(f"{value} has a wrong EIP-55 checksum")  # eth-abi does not look
        if spec.startswith("bytes") and spec != "bytes" and len(value) != int(spec[5:]):
            raise ValueError(f"{len(value)} bytes for {spec}")  # eth-abi would pad
        return value
    if isinstance(spec, Array):
        return [_lower(spec.of, element) for element in value]
    if issubclass(spec, Struct):
        return tuple(_lower(param.spec, getattr(value, param.name)) for param in spec.abi_params)
    return int(spec(value))


@lru_cache(maxsize=65536)
def checksummed(address: str) -> str:
    return to_checksum_address(address)


class Event(msgspec.Struct, frozen=True, gc=False):
    """Base of generated events: one field per argument, in declared order."""

    topic0: ClassVar[bytes]
    abi_name: ClassVar[str]
    abi_params: ClassVar[tuple[Param, ...]]

    @classmethod
    def decode(cls, topics: Sequence[bytes], data: bytes) -> tuple[Self, bytes]:
        """From a log's topics (the first being `topic0`) and data: the event and its `journal_args`.

        Raises AbiError.
        """
        shape = _shape(cls)
        if list(map(len, topics)) != shape.topics or topics[0] != cls.topic0:
            raise AbiError(f"the topics are not those of {cls.abi_name}")
        indexed = b"".join(topics[1:])
        if shape.read is not None:
            try:
                values, args = shape.read(indexed + data)
                return cls(*values), args
            except ValueError:
                pass  # eth-abi will say what is wrong
        raw = decode(shape.indexed, indexed) + decode(shape.plain, data)
        event = cls(*[raw[place] for place in shape.places])
        return event, event.journal_args()

    @classmethod
    def from_journal(cls, args: bytes) -> Self:
        """From what `journal_args` gives. Raises AbiError."""
        return cls(*decode(_shape(cls).declared, args))

    def journal_args(self) -> bytes:
        """`abi.encode` of all arguments in declared order: what the journal folds, hashed, after `topic0`."""
        shape = _shape(type(self))
        return encode(shape.declared, [getattr(self, name) for name in shape.names])


def of_event(make: Callable[[type[Event]], T]) -> Callable[[type[Event]], T]:
    """What is made of an event's class, once."""
    return cache(make)


class _Shape(NamedTuple):
    """Sizes of the topics; types of an event's arguments, of those in the topics, of those in the data, and
    where among all these each of the declared arguments is. `read`: of topics and data, if all have a fixed
    number of words."""

    topics: list[int]
    names: tuple[str, ...]
    declared: tuple[Spec, ...]
    indexed: tuple[Spec, ...]
    plain: tuple[Spec, ...]
    places: tuple[int, ...]
    read: Callable[[bytes], tuple[list[Any], bytes]] | None


@of_event
def _shape(kind: type[Event]) -> _Shape:
    params = kind.abi_params
    order = sorted(range(len(params)), key=lambda at: not params[at].indexed)
    places = tuple(order.index(at) for at in range(len(params)))
    found = [_words(params[at].spec) for at in order]
    words = [one for one in found if one is not None]
    return _Shape(
        [32] * (1 + sum(param.indexed for param in params)),
        tuple(param.name for param in params),
        tuple(param.spec for param in params),
        tuple(param.spec for param in params if param.indexed),
        tuple(param.spec for param in params if not param.indexed),
        places,
        rearranged(words, places) if len(words) == len(params) else None,
    )


def by_topic(*events: type[Event]) -> Mapping[bytes, type[Event]]:
    """The events by `topic0`."""
    return {event.topic0: event for event in events}


class ContractError(Exception):
    """A revert with a declared error. Generated subclasses have one attribute per argument."""

    selector: ClassVar[bytes]
    abi_name: ClassVar[str]
    abi_params: ClassVar[tuple[Param, ...]] = ()

    def __init__(self, *values: Any) -> None:
        self.arguments: dict[str, Any] = {
            param.name: value for param, value in zip(self.abi_params, values, strict=True)
        }
        for name, value in self.arguments.items():
            setattr(self, name, value)
        super().__init__(*values)

    def __str__(self) -> str:
        shown = (f"{name}={_show(value)}" for name, value in self.arguments.items())
        return f"{self.abi_name}({', '.join(shown)})"


def _show(value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return value.name if isinstance(value, IntEnum) else str(value)


class Reverted(ContractError):
    """`require` with a text: error Error(string reason)"""

    selector = bytes.fromhex("08c379a0")
    abi_name = "Error"
    abi_params = (Param("reason", "string"),)
    reason: str


class Panicked(ContractError):
    """A failed assertion, overflow, bad index …: error Panic(uint256 code)"""

    selector = bytes.fromhex("4e487b71")
    abi_name = "Panic"
    abi_params = (Param("code", "uint256"),)
    code: int


class UndeclaredError(ContractError):
    """A revert with no data, with an error that no contract here declares, or one that does not decode."""

    abi_name = "Undeclared"
    abi_params = (Param("data", "bytes"),)
    data: bytes


def decode_revert(errors: Mapping[bytes, type[ContractError]], data: bytes) -> ContractError:
    """The error that revert data says; never raises, since who reverts chooses the data."""
    builtin: dict[bytes, type[ContractError]] = {kind.selector: kind for kind in (Reverted, Panicked)}
    known = builtin.get(data[:4]) or errors.get(data[:4])
    if known is None:
        return UndeclaredError(data)
    try:
        return known(*decode(tuple(param.spec for param in known.abi_params), data[4:]))
    except AbiError:
        return UndeclaredError(data)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A function call: `data` to be sent to `to`, and the Python type of what it returns."""

    to: str
    data: bytes
    function: str
    outputs: tuple[Spec, ...]

    def decode_output(self, data: bytes) -> T:
        """None, the value, or the tuple of values returned. Raises AbiError."""
        values = decode(self.outputs, data)
        result: Any = values if len(values) > 1 else values[0] if values else None
        return result  # type: ignore[no-any-return]


class Artifact(NamedTuple):
    """A contract as compiled. `immutables` are (offset, length) in `runtime`, filled by the constructor."""

    abi: list[dict[str, Any]]
    creation: bytes
    runtime: bytes
    immutables: Mapping[str, tuple[tuple[int, int], ...]]
    storage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """Base of generated contracts: one method per function, giving the Call to `address`."""

    address: str

    abi_name: ClassVar[str]
    events: ClassVar[Mapping[bytes, type[Event]]]

    def _call(
        self,
        function: str,
        selector: str,
        inputs: tuple[Spec, ...],
        values: tuple[Any, ...],
        outputs: tuple[Spec, ...],
    ) -> Call[Any]:
        data = bytes.fromhex(selector) + encode(inputs, values)
        return Call(self.address, data, f"{self.abi_name}.{function}", outputs)

    @classmethod
    def _creation(cls, inputs: tuple[Spec, ...], values: tuple[Any, ...]) -> bytes:
        return cls.artifact().creation + encode(inputs, values)

    @classmethod
    def artifact(cls) -> Artifact:
        """ABI, bytecode and storage layout."""
        return _artifact(cls.__module__.rpartition(".")[0], cls.abi_name)


@cache
def _artifact(package: str, name: str) -> Artifact:
    raw = json.loads(files(package).joinpath(f"{name}.json").read_text())
    return Artifact(
        abi=raw["abi"],
        creation=bytes.fromhex(raw["creation"]),
        runtime=bytes.fromhex(raw["runtime"]),
        immutables={
            name: tuple((at, size) for at, size in places) for name, places in raw["immutables"].items()
        },
        storage=raw["storage"],
    )
