"""A seller's ciphertext into the vault, and the vault's signed receipt for it.

    open      an id is drawn, which the seller encrypts under
    receive   the ciphertext streams into the object store while its root is computed
    complete  the vault opens the seller's sealed data key, shows itself that what it holds opens under it,
              wraps the key, and signs

Nothing is minted before the receipt, so no listing exists whose payload does not.
"""

import re
import secrets
from collections.abc import AsyncIterable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from ledger.crypto.chunked import HEADER, plaintext_size
from ledger.crypto.merkle import PayloadHasher
from ledger.crypto.message import Message
from ledger.crypto.seal import BadSealedKey, DepositContext, PrivateKey, Suite, open_sealed
from ledger.domain.custody import Custody
from ledger.domain.deposit import Deposit, DepositTaken, Payload, Upload
from ledger.keys.shares import DataKeys, KeyErased
from ledger.objects.port import ObjectNotFound, ObjectStore
from ledger.services.pace import paced
from ledger.services.ports import Begin, Clock

PARTS: Final = "uploads"
"""Folder of the parts of uploads. None is of use for longer than a deposit may stay incomplete."""
CIPHERTEXT: Final = re.compile("[0-9a-f]{64}/[0-9a-f]{64}-[0-9a-f]{16}")
"""Names of the objects of deposits: see `ciphertext_name`."""


class UploadTooLarge(Exception):
    """The ciphertext is larger than any deposit may be."""


class QuotaExceeded(Exception):
    """The account's deposits would hold more than it may deposit."""


class TooManyDeposits(Exception):
    """The account has too many deposits that it has not completed."""


class NothingUploaded(Exception):
    """The deposit has no ciphertext yet."""


class WrongRoot(Exception):
    """The ciphertext has another root than its sender says."""


class WrongSize(Exception):
    """The ciphertext has another size than its sender says."""


class DepositStore(Protocol):
    async def opened(self, seller: bytes, once: str) -> Deposit | None: ...
    async def open(self, deposit: Deposit, once: str | None) -> None: ...
    async def find(self, deposit_id: bytes, seller: bytes) -> Deposit: ...
    async def used(self, seller: bytes) -> int: ...
    async def waiting(self, seller: bytes) -> int: ...
    async def receive(self, deposit_id: bytes, upload: Upload) -> Sequence[str]: ...
    async def hold(self, payload: Payload) -> Payload: ...
    async def promise(self, deposit_id: bytes, until: int) -> None: ...
    async def abandon(self, deposit_id: bytes) -> Sequence[str]: ...
    async def expired(self, now: int) -> list[Deposit]: ...
    async def objects(self) -> set[str]: ...


class Sellers(Protocol):
    async def check(self, account: bytes) -> None:
        """Raises SellerIneligible unless the account may sell at the newest final block; Undecidable."""
        ...


class Recipients(Protocol):
    """The keys that sellers seal data keys to."""

    def recipient(self, suite: Suite = Suite.X25519) -> PrivateKey: ...


class Custodian(Protocol):
    """The account whose custody receipts the Reviews contract accepts."""

    address: bytes

    async def sign(self, digest: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What the vault offers; sizes are ciphertext bytes. A body must bring `upload_rate` bytes a second over
    every `upload_window` seconds."""

    chain_id: int
    listings: bytes
    reviews: bytes
    region: bytes
    largest: int
    quota: int
    waiting: int
    deposit_seconds: int
    receipt_seconds: int
    upload_rate: int
    upload_window: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """The vault holds `payload`, and `signature` of `custodian` over `custody` says so."""

    payload: Payload
    custody: Custody
    custodian: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Deposits:
    terms: Terms
    write: Begin[DepositStore]
    read: Begin[DepositStore]
    objects: ObjectStore
    sellers: Sellers
    recipients: Recipients
    keys: DataKeys
    custodian: Custodian
    clock: Clock

    async def open(self, seller: bytes, once: str | None = None) -> Deposit:
        """The same deposit for the same `once`. Raises SellerIneligible, TooManyDeposits."""
        await self.sellers.check(seller)
        now = int(self.clock())
        deposit = Deposit(secrets.token_bytes(32), seller, now, now + self.terms.deposit_seconds)
        async with self.write() as deposits:
            if once is not None and (found := await deposits.opened(seller, once)) is not None:
                return found
            if await deposits.waiting(seller) >= self.terms.waiting:
                raise TooManyDeposits(f"{self.terms.waiting} deposits wait to be completed or abandoned")
            await deposits.open(deposit, once)
        return deposit

    async def find(self, deposit_id: bytes, seller: bytes) -> Deposit:
        async with self.read() as deposits:
            return await deposits.find(deposit_id, seller)

    async def receive(
        self, deposit_id: bytes, seller: bytes, body: AsyncIterable[bytes], length: int | None
    ) -> Upload:
        """Takes the ciphertext in; `length` is what its sender announced.

        Refuses before the first byte what can be refused then. Leaves nothing behind when it raises:
        UploadTooLarge, QuotaExceeded, Truncated, UploadTooSlow, or what the store and `body` raise.
        """
        async with self.read() as deposits:
            deposit = await deposits.find(deposit_id, seller)
            used = await deposits.used(seller)
        if deposit.upload is not None:
            raise DepositTaken("the deposit has its ciphertext already")
        check_room(self.terms, length or 0, used)

        leaves, header = bytearray(), bytearray()
        hasher = PayloadHasher(lambda _, leaf: leaves.extend(leaf))
        async with await self.objects.create() as writer:
            async for piece in paced(body, self.terms.upload_rate, self.terms.upload_window):
                check_room(self.terms, hasher.size + len(piece), used)
                header.extend(piece[: HEADER - len(header)])
                hasher.update(piece)
                await writer.write(piece)
            plaintext_size(hasher.size)
            root = hasher.finish()
            await writer.write(bytes(leaves))
            name = ciphertext_name(root, deposit_id)
            await writer.commit(name)
        upload = Upload(name, root, hasher.size, bytes(header))
        try:
            async with self.write() as deposits:
                check_room(self.terms, upload.size, await deposits.used(seller))
                parts = await deposits.receive(deposit_id, upload)
        except BaseException:
            await self.objects.delete(name)
            raise
        await delete_all(self.objects, parts)
        return upload

    async def complete(
        self, deposit_id: bytes, seller: bytes, *, root: bytes, size: int, media_type: str, sealed_key: bytes
    ) -> Receipt:
        """Holds the payload for good and signs for it; a repetition changes nothing and signs anew.

        Raises NothingUploaded, WrongRoot, WrongSize, CommitmentMismatch (the key does not open the ciphertext
        in this deposit's context), SealError (the key is not sealed to the vault for this
        deposit). Once held, the key is not looked at.
        """
        deposit = await self.find(deposit_id, seller)
        upload = deposit.upload
        if upload is None:
            raise NothingUploaded("send the ciphertext first")
        if upload.root != root:
            raise WrongRoot(f"the ciphertext has the root 0x{upload.root.hex()}")
        if upload.size != size:
            raise WrongSize(f"the ciphertext has {upload.size} bytes")
        if deposit.payload is not None:
            if not deposit.payload.wrapped_key:
                raise KeyErased("the payload was erased")
            return await self._sign(deposit.payload)
        context = self.context(deposit)
        recipient = self.recipients.recipient(sealed_suite(sealed_key))
        data_key = open_sealed(sealed_key, recipient, context)
        Message.unlock(data_key, context.payload_context(), upload.header)
        payload = Payload(
            object=upload.object,
            root=root,
            deposit=deposit_id,
            seller=seller,
            size=size,
            media_type=media_type,
            held_since=int(self.clock()),
            wrapped_key=await self.keys.hold(data_key, context),
        )
        async with self.write() as deposits:
            payload = await deposits.hold(payload)
        return await self._sign(payload)

    async def abandon(self, deposit_id: bytes, seller: bytes) -> None:
        """Gives up a deposit that is not complete."""
        await self._forget(await self.find(deposit_id, seller))

    async def collect(self, now: int) -> int:
        """Abandons for their sellers what was not completed in time; how many. Sweeps up after crashes."""
        age = timedelta(seconds=self.terms.deposit_seconds)
        await self.objects.sweep(age)
        old = [found.name async for found in self.objects.list() if found.modified < _when(now) - age]
        async with self.read() as deposits:
            expired, named = await deposits.expired(now), await deposits.objects()
        orphans = (name for name in old if CIPHERTEXT.fullmatch(name) and name not in named)
        await delete_all(self.objects, [name for name in old if name.startswith(f"{PARTS}/")])
        await delete_all(self.objects, orphans)
        for deposit in expired:
            with suppress(DepositTaken):  # completed in the meantime
                await self._forget(deposit)
        return len(expired)

    def context(self, deposit: Deposit) -> DepositContext:
        """What the seller encrypts the payload and seals its key under."""
        return DepositContext(self.terms.chain_id, self.terms.listings, deposit.seller, deposit.id)

    async def _sign(self, payload: Payload) -> Receipt:
        custody = Custody(
            seller=payload.seller,
            root=payload.root,
            size=payload.size,
            deposit=payload.deposit,
            region=self.terms.region,
            deadline=int(self.clock()) + self.terms.receipt_seconds,
        )
        async with self.write() as deposits:
            await deposits.promise(payload.deposit, custody.deadline)
        signature = await self.custodian.sign(custody.digest(self.terms.chain_id, self.terms.reviews))
        return Receipt(payload, custody, self.custodian.address, signature)

    async def _forget(self, deposit: Deposit) -> None:
        async with self.write() as deposits:
            objects = list(await deposits.abandon(deposit.id))
        if deposit.upload is not None:
            objects.append(deposit.upload.object)
        await delete_all(self.objects, objects)


def check_room(terms: Terms, size: int, used: int) -> None:
    """Whether an account that uses `used` bytes may deposit `size` more.

    Raises UploadTooLarge, QuotaExceeded.
    """
    if size > terms.largest:
        raise UploadTooLarge(f"a payload has at most {terms.largest} bytes of ciphertext")
    if used + size > terms.quota:
        raise QuotaExceeded(f"{terms.quota - used} bytes are left of this account's quota")


def ciphertext_name(root: bytes, deposit_id: bytes) -> str:
    """A name of its own for every upload: what one deposit throws away no other can have counted on."""
    return f"{root.hex()}/{deposit_id.hex()}-{secrets.token_hex(8)}"


async def delete_all(objects: ObjectStore, names: Iterable[str]) -> None:
    """Removes objects that nothing names any more, as far as they are there."""
    for name in names:
        with suppress(ObjectNotFound):
            await objects.delete(name)


def _when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def sealed_suite(sealed: bytes) -> Suite:
    """The suite that a key says it was sealed under. Raises BadSealedKey."""
    for suite in Suite:
        if sealed.startswith(suite.value):
            return suite
    raise BadSealedKey("no suite that we know starts like this")
