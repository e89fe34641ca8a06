"""Column types that mean the same on every database, and the base class of all tables."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import BigInteger, Dialect, LargeBinary, MetaData, String
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

UINT256_DIGITS: Final = 78

#: Names of constraints and indexes, so that a migration can name what it drops on every database.
NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """Base of every table of the ledger; its metadata is apart from that of other SQLModel users."""


class Bytes(TypeDecorator[bytes]):
    """Binary of exactly `length` bytes; `ValueError` for any other length, in either direction."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else self._exact(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[bytes | None], bytes | None]:
        """Without what LargeBinary does further, since drivers take bytes as they are."""
        length, exact = self.length, self._exact

        def bind(value: bytes | None) -> bytes | None:
            if value is None or (type(value) is bytes and len(value) == length):
                return value
            return exact(value)

        return bind

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else self._exact(value)

    def _exact(self, value: bytes) -> bytes:
        value = bytes(value)
        if len(value) != self.length:
            raise ValueError(f"expected {self.length} bytes, got {len(value)}")
        return value


class Hash(Bytes):
    """32 bytes."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(32)


class Address(Bytes):
    """20 bytes."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(20)


class Uint256(TypeDecorator[int]):
    """An integer of 0 … 2^256-1 as 78 zero-padded digits; `ValueError` outside that range."""

    impl = String
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(UINT256_DIGITS)

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not 0 <= value < 1 << 256:
            raise ValueError("the number does not fit 256 bits")
        return f"{value:0{UINT256_DIGITS}d}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


#: Unix seconds, block numbers, nonces, gas.
Integer64 = BigInteger
