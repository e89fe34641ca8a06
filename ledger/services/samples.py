"""Samples, which sellers send as they are: the vault makes none from what it keeps encrypted (R16, R34)."""

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.sample import Sample
from ledger.services.deposits import QuotaExceeded, Sellers
from ledger.services.erasures import Supervisors
from ledger.services.metadata import WrongHash
from ledger.services.ports import Begin, Clock


class SampleTooLarge(Exception):
    """The sample is larger than any may be."""


class SampleStore(Protocol):
    async def count(self, account: bytes) -> int: ...
    async def keep(self, sample: Sample, content: bytes, *, account: bytes, now: int) -> Sample: ...
    async def find(self, sha256: bytes) -> tuple[Sample, bytes]: ...
    async def owner(self, sha256: bytes) -> bytes: ...
    async def delete(self, sha256: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Samples:
    """`largest`: bytes of a sample; `most`: samples of one account."""

    write: Begin[SampleStore]
    read: Begin[SampleStore]
    sellers: Sellers
    supervisors: Supervisors
    clock: Clock
    largest: int
    most: int

    async def keep(
        self, sha256: bytes, account: bytes, media_type: str, body: AsyncIterable[bytes]
    ) -> Sample:
        """Keeping what is kept changes nothing.

        Raises SellerIneligible, Undecidable, SampleTooLarge, WrongHash, QuotaExceeded.
        """
        await self.sellers.check(account)
        content = bytearray()
        async for piece in body:
            content += piece
            if len(content) > self.largest:
                raise SampleTooLarge(f"a sample has at most {self.largest} bytes")
        if hashlib.sha256(content).digest() != sha256:
            raise WrongHash("the sample has another SHA-256 than its address")
        sample = Sample(sha256, len(content), media_type)
        async with self.write() as samples:
            kept = await samples.keep(sample, bytes(content), account=account, now=int(self.clock()))
            if await samples.count(account) > self.most:
                raise QuotaExceeded(f"an account has at most {self.most} samples")
        return kept

    async def find(self, sha256: bytes) -> tuple[Sample, bytes]:
        """For anybody. Raises SampleUnknown."""
        async with self.read() as samples:
            return await samples.find(sha256)

    async def delete(self, sha256: bytes, account: bytes) -> None:
        """By who sent it, or a supervisor (R22). Raises SampleUnknown, NotSeller, Undecidable."""
        async with self.read() as samples:
            owner = await samples.owner(sha256)
        if owner != account:
            await self.supervisors.check(account)
        async with self.write() as samples:
            await samples.delete(sha256)
