"""What is to be sent, as the intent log keeps it: what it asks of `ledger.store.intents`."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.chain.rpc import from_hex
from ledger.domain.intent import Intent, Signed

FILLER: Final = "filler:"
"""How the keys of empty transactions begin that fill a nonce nobody owns."""


class Call(Protocol):
    """What to send: the bindings' calls are such, `Transaction` is for everything else."""

    @property
    def to(self) -> str | None: ...
    @property
    def data(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Transaction:
    """`to` is an address in hexadecimal, None to create a contract."""

    to: str | None
    data: bytes = b""


class IntentLog(Protocol):
    """Where intents are written down. Every method is one durable transaction; `ledger.store.intents` has
    one."""

    async def bind(self, chain_id: int, genesis: bytes, address: bytes) -> None: ...
    async def find(self, key: str) -> Intent | None: ...
    async def open(self) -> Sequence[Intent]: ...
    async def newest_final(self, below: int | None = None) -> Intent | None: ...
    async def assign(
        self,
        key: str,
        digest: bytes,
        to: bytes | None,
        data: bytes,
        value: int,
        floor: int,
        sign: Callable[[int], Signed],
    ) -> Intent: ...
    async def fill(
        self, key: str, digest: bytes, to: bytes, nonce: int, sign: Callable[[int], Signed]
    ) -> Intent | None: ...
    async def replace(self, key: str, latest: bytes, signed: Signed) -> Intent | None: ...
    async def reassign(
        self, key: str, latest: bytes, floor: int, sign: Callable[[int], Signed]
    ) -> Intent | None: ...
    async def mined(
        self,
        key: str,
        mined_hash: bytes,
        block_number: int,
        block_hash: bytes,
        succeeded: bool,
        revert_data: bytes | None,
        final: bool,
    ) -> Intent: ...
    async def reopen(self, keys: Iterable[str]) -> None: ...
    async def forget(self, key: str) -> None: ...


def digest_of(call: Call, value: int) -> bytes:
    """SHA-256 over what a key stands for."""
    to = b"" if call.to is None else from_hex(call.to)
    return hashlib.sha256(bytes([len(to)]) + to + value.to_bytes(32) + call.data).digest()
