"""The port of key custody: wrapping data keys under master keys that never leave it.

A wrapped key names the version of the master key inside itself, in the custodian's own form: a local store,
HashiCorp Vault Transit, PKCS#11 and the cloud KMS all do. Callers store the bytes and ask `version` what
they are under.
"""

from __future__ import annotations

import os
import time
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.crypto.seal import DepositContext


class CustodyError(Exception):
    """Any refusal of key custody."""


class BadWrappedKey(CustodyError):
    """These bytes are no wrapped key of this custodian."""


class UnknownKeyVersion(CustodyError):
    """Wrapped under a master key version that this custodian does not hold: another's, newer, or
    destroyed."""


class CustodyUnavailable(CustodyError):
    """The custodian cannot be asked now, or refuses this service. No message holds a key or a token."""


class UnwrapFailed(CustodyError):
    """The wrapped key was altered, or belongs to another deposit."""


class KeyCustody(Protocol):
    """Wraps and unwraps 32-byte data keys. `aad` binds a wrapped key to its deposit: see `wrap_aad`.

    What asks the custodian raises `CustodyUnavailable` besides what it says.
    """

    async def current_version(self) -> str:
        """The master key version that `wrap` uses now."""
        ...

    def version(self, wrapped: bytes) -> str:
        """The master key version that `wrapped` is under. Raises `BadWrappedKey`."""
        ...

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """`data_key` under the current version."""
        ...

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """The data key. Raises `BadWrappedKey`, `UnknownKeyVersion`, `UnwrapFailed`."""
        ...

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """The same data key under the current version; `wrapped` itself when it is there already.

        So rotation is a loop over rows that may die anywhere and start again. Raises as `unwrap`.
        """
        ...

    async def rotate(self) -> str:
        """Makes a new master key version current, and returns it. Older ones still unwrap, until the
        custodian is told to destroy them, each in its own way."""
        ...


def wrap_aad(deposit: DepositContext) -> bytes:
    """The associated data that binds a wrapped data key to the one deposit that it opens."""
    return b"socai/wrapped-key@v1\0" + deposit.payload_context()


def new_data_key(context: bytes = b"") -> bytes:
    """A fresh 32-byte data key.

    32 bytes of `os.urandom` (the kernel's generator: nothing is buffered in the process, so a fork repeats
    nothing, and Linux reseeds it when a virtual machine is restored with a VM generation id). Where a
    hypervisor does not tell, two machines restored from one snapshot draw the same bytes: the key is
    therefore HKDF-SHA512 of the draw over the clock in nanoseconds, the process id and `context` (the
    deposit), which can add difference and never take randomness away.
    """
    where = b"".join(n.to_bytes(8, "big") for n in (time.time_ns(), time.monotonic_ns(), os.getpid()))
    info = b"socai/data-key@v1\0" + where + context
    return HKDF(SHA512(), 32, salt=None, info=info).derive(os.urandom(32))
