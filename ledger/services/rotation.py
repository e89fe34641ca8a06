"""All wrapped keys under the newest master key.

    socai keys rotate    when every key is under the newest version, makes another; then re-wraps row by row

Each row is read, re-wrapped by the custodian and replaced in a transaction of its own, if it is still
what was read. Killed anywhere, every payload opens, under the old version or the new; run again, it goes
on without another version. Old versions stay until the custodian is told to destroy them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.crypto.seal import DepositContext
from ledger.domain.deposit import Payload
from ledger.keys.port import BadWrappedKey, KeyCustody, UnknownKeyVersion, UnwrapFailed, wrap_aad
from ledger.services.ports import Begin

PAGE: Final = 200


class WrappedKeys(Protocol):
    async def wrapped(self, after: bytes, limit: int) -> list[Payload]:
        """Up to `limit` payloads with deposit ids above `after`, in order."""
        ...

    async def rewrap(self, deposit: bytes, old: bytes, new: bytes) -> bool:
        """Replaces a wrapped key; False when it is not `old` any more."""
        ...


@dataclass(frozen=True, slots=True)
class Rotated:
    """`version` is now current; so many keys were moved to it, were there already, or do not open under any
    version: these are named by deposit, and left as they are."""

    version: str
    moved: int
    kept: int
    unopened: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rotation:
    """`listings`: 20 bytes, the contract that the payloads are bound to."""

    chain_id: int
    listings: bytes
    custody: KeyCustody
    read: Begin[WrappedKeys]
    write: Begin[WrappedKeys]

    async def run(self) -> Rotated:
        """Raises CustodyUnavailable."""
        version = await self.custody.current_version()
        if await self._all_under(version):
            version = await self.custody.rotate()
        moved, kept, unopened = 0, 0, []
        async for payload in self._payloads():
            old = payload.wrapped_key
            try:
                new = await self.custody.rewrap(old, self._aad(payload))
            except (BadWrappedKey, UnknownKeyVersion, UnwrapFailed):
                unopened.append(payload.deposit)
                continue
            if new == old:
                kept += 1
                continue
            async with self.write() as keys:
                moved += await keys.rewrap(payload.deposit, old, new)
        return Rotated(version, moved, kept, tuple(unopened))

    async def _all_under(self, version: str) -> bool:
        async for payload in self._payloads():
            try:
                if self.custody.version(payload.wrapped_key) != version:
                    return False
            except BadWrappedKey:  # another custodian's: this rotation will say so
                continue
        return True

    async def _payloads(self) -> AsyncIterator[Payload]:
        after = b""
        while True:
            async with self.read() as keys:
                page = await keys.wrapped(after, PAGE)
            for payload in page:
                yield payload
            if len(page) < PAGE:
                return
            after = page[-1].deposit

    def _aad(self, payload: Payload) -> bytes:
        return wrap_aad(DepositContext(self.chain_id, self.listings, payload.seller, payload.deposit))
