"""One account on one exchange."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar, cast
from uuid import uuid4

import rfc8785
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from ledger.chain import bindings
from ledger.chain.abi import Call, Event
from ledger.chain.bindings import exchange as exchange_events
from ledger.chain.bindings import listings as listing_events
from ledger.chain.bindings import structs
from ledger.chain.bindings.errors import ERRORS, Listings_DepositUsed
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, from_hex, to_hex
from ledger.chain.sender import CallReverted, Receipt, Sender
from ledger.client import samples
from ledger.client.contracts import Contracts
from ledger.client.deposits import Deposits
from ledger.client.keys import EncryptionKeys
from ledger.client.payload import Progress, Sealed, decrypt_to
from ledger.client.permit import permit
from ledger.client.results import AlreadyHeld, Bought, Fetched, LicenceState, Published, Share
from ledger.client.service import Service
from ledger.client.spool import Pending, Spool
from ledger.crypto.merkle import leaf_count
from ledger.crypto.seal import GrantContext, open_sealed
from ledger.crypto.verified import LEAF, VerifiedReader, check_context
from ledger.domain.ids import listing_of_plan, plan_id, plan_of
from ledger.domain.market import Kind, Role
from ledger.domain.sample import described
from ledger.store.database import Database
from ledger.store.intents import IntentLog

T = TypeVar("T")
E = TypeVar("E", bound=Event)


class Client:
    """Open one with `Client.open`. Amounts are in the currency's smallest unit, times in Unix seconds.

    Contract refusals come as CallReverted whose `reason` is the contract's error, the service's as Refused.
    """

    def __init__(
        self,
        service: Service,
        rpc: Rpc,
        manifest: Manifest,
        account: LocalAccount,
        sender: Sender,
        folder: Path,
    ) -> None:
        self.service = service
        self.rpc = rpc
        self.manifest = manifest
        self.account = account
        self.contracts = Contracts.of(manifest)
        self.keys = EncryptionKeys(
            service, account, manifest.chain_id, self.contracts.licences.address, folder
        )
        self._sender = sender
        self._folder = folder
        self._deposits = Deposits(
            service,
            manifest.chain_id,
            bytes.fromhex(self.contracts.listings.address[2:]),
            bytes.fromhex(account.address[2:]),
        )

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, service_url: str, rpc_url: str, manifest: Manifest, account: LocalAccount, folder: Path
    ) -> AsyncIterator[Self]:
        """`folder` keeps what was sent, so that nothing is lost or sent twice when the program is killed, and
        the keys that data keys are sealed to.

        Raises what `Manifest.check` raises when the chain is another, and RpcError.
        """
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, and at once
        database = Database(f"sqlite:///{folder / account.address}.sqlite")
        async with Service(service_url) as service, Rpc(rpc_url) as rpc:
            try:
                await manifest.check(rpc)
                await database.migrate()
                sender = Sender(
                    rpc, account, IntentLog(database), manifest.chain_id, clock=time.monotonic, errors=ERRORS
                )
                await sender.recover()
                await sender.settle()
                yield cls(service, rpc, manifest, account, sender, folder)
            finally:
                await database.close()

    async def read(self, call: Call[T]) -> T:
        """What a view answers at the newest block."""
        (answer,) = await self.reads(call)
        return cast(T, answer)

    async def reads(self, *calls: Call[Any]) -> list[Any]:
        """What views answer at one block, the newest."""
        head = await self.rpc.request("eth_getBlockByNumber", ["latest", False])
        block, mine = from_hex(head["hash"], 32), self.account.address
        return await asyncio.gather(*(self.rpc.call(call, block, sender=mine) for call in calls))

    async def send(self, call: Call[Any]) -> Receipt:
        """Has the call mined, once."""
        return await self._sender.send(f"{call.function}:{uuid4()}", call)

    # operator

    async def accredit(
        self,
        account: str,
        roles: Role,
        *,
        jurisdiction: str,
        public_body: bool,
        valid_until: int,
        credential: bytes,
    ) -> Receipt:
        """`credential`: salted hash of the identity documents, 32 bytes."""
        return await self.send(
            self.contracts.participants.accredit(
                account, roles, jurisdiction.encode(), public_body, valid_until, credential
            )
        )

    async def mint(self, account: str, amount: int) -> Receipt:
        """Pilot money."""
        return await self.send(self.contracts.token.mint(account, amount))

    # seller

    async def publish(
        self,
        path: Path,
        *,
        metadata: Mapping[str, Any],
        media_type: str,
        classification: structs.Classification,
        plans: Sequence[structs.PlanDraft],
        upstreams: Sequence[structs.Upstream] = (),
        legal_basis: bytes = bytes(32),
        stale_at: int = 0,
        sample: tuple[Path, str] | None = None,
        progress: Progress = lambda _: None,
    ) -> Published:
        """Encrypts the file, deposits it, and mints the listing with its first version and its plans.

        `metadata` is the dataset's DCAT document (JSON-LD). Killed anywhere, the same call goes on where it
        was; what is deposited and not minted, the vault throws away in time. `sample`: a file that anybody
        may have, and its media type. Raises PublishUnderWay.
        """
        await self.service.sign_in(self.account)
        if sample is not None:
            metadata = described(metadata, await samples.send(self.service, *sample))
        digest = await self._describe(metadata)
        kinds, drafts, parents = classification, tuple(plans), tuple(upstreams)

        def minting(draft: structs.VersionDraft) -> Call[Any]:
            return self.contracts.listings.publish(kinds, legal_basis, draft, drafts, parents)

        payload, receipt = await self._deposited(path, media_type, digest, stale_at, minting, progress)
        listing = self._event(receipt, listing_events.Listed).listing
        plan_ids = tuple(plan_id(listing, i) for i in range(len(plans)))
        return Published(listing, plan_ids, payload, receipt)

    async def add_version(
        self,
        listing: int,
        path: Path,
        *,
        metadata: Mapping[str, Any],
        media_type: str,
        stale_at: int = 0,
        progress: Progress = lambda _: None,
    ) -> int:
        """Encrypts the file, deposits it and adds it to a listing, whose plans it is then sold under once it
        is attested. Returns its number. Killed anywhere, the same call goes on. Raises PublishUnderWay."""
        await self.service.sign_in(self.account)
        digest = await self._describe(metadata)

        def adding(draft: structs.VersionDraft) -> Call[Any]:
            return self.contracts.listings.add_version(listing, draft)

        _, receipt = await self._deposited(path, media_type, digest, stale_at, adding, progress)
        return self._event(receipt, listing_events.VersionPublished).version

    async def _deposited(
        self,
        path: Path,
        media_type: str,
        metadata: bytes,
        stale_at: int,
        call_of: Callable[[structs.VersionDraft], Call[Any]],
        progress: Progress,
    ) -> tuple[Sealed, Receipt]:
        """The file in the vault, and the call about it mined."""
        Spool.sweep(self._folder / "uploads")
        with Spool.of(self._folder / "uploads", self.account.address, path) as spool:
            pending = await self._deposits.hold(spool, path, media_type, progress)
            call = call_of(_draft(pending, metadata, stale_at))
            try:
                receipt = await self._sender.send(f"{call.function}:{keccak(call.data).hex()}", call)
            except CallReverted as error:
                if isinstance(error.reason, Listings_DepositUsed):
                    spool.clear()
                else:
                    spool.received(pending, None)  # it may be too old
                raise
            spool.clear()
        return pending.payload, receipt

    async def _describe(self, metadata: Mapping[str, Any]) -> bytes:
        """Deposits the document; its hash."""
        digest = keccak(rfc8785.dumps(dict(metadata)))
        await self.service.once("PUT", f"/v1/metadata/{to_hex(digest)}", dict(metadata))
        return digest

    # reviewer

    async def attest(
        self, listing: int, version: int, kind: Kind, evidence: bytes, epoch: int = 0
    ) -> Receipt:
        """`evidence`: hash of the review, 32 bytes; `epoch`: that of the classification reviewed."""
        return await self.send(self.contracts.reviews.attest(listing, version, kind, evidence, epoch))

    # buyer

    async def buy(self, plan: int, version: int | None = None, *, again: bool = False) -> Bought:
        """Pays and gets a licence, in one transaction. `version`: the newest unless named.

        Raises AlreadyHeld unless `again`. Two at once: the second is refused by the chain
        (Licences_StaleBalance).
        """
        mine, listings = self.account.address, self.contracts.listings
        newest = [listings.listing(listing_of_plan(plan))] if version is None else []
        held, terms, *found = await self.reads(
            self.contracts.licences.balance_of(mine), listings.plan(plan), *newest
        )
        if held and not again:
            for licence in await self.licences():
                state = await self.licence(licence)
                if plan_of(licence) == plan and state.entitlement.denial is structs.Denial.GRANTED:
                    raise AlreadyHeld(plan, licence)
        if version is None:
            version = found[0].versions
        exchange = self.contracts.exchange
        if terms.price == 0:
            receipt = await self.send(exchange.buy(plan, version, held))
        else:
            signed = await permit(self.account, exchange, terms, self.reads)
            receipt = await self.send(exchange.buy_with_permit(plan, version, held, signed))
        event = self._event(receipt, exchange_events.Purchased)
        return Bought(event.licence, event.price, event.fee_bps, event.tax_bps, event.deadline, receipt)

    async def fetch(
        self, licence: int, path: Path, *, purpose: str = "use", progress: Progress = lambda _: None
    ) -> Fetched:
        """Is released the key, and writes the decrypted payload to `path` once all of it is verified."""
        await self.service.sign_in(self.account)
        state = await self.read(self.contracts.licences.entitlement(licence, self.account.address))
        private = await self.keys.current()
        asked = {"public_key": to_hex(private.public), "purpose": purpose}
        path_ = f"/v1/licences/{licence}/grants"
        grant = await self.service.once("POST", path_, asked, again=["use-uncounted"])
        block_hash = from_hex(grant["block_hash"], 32)
        context = GrantContext(
            self.manifest.chain_id,
            bytes.fromhex(self.contracts.licences.address[2:]),
            licence,
            state.version,
            block_hash,
            purpose,
        )
        data_key = open_sealed(from_hex(grant["sealed_key"]), private, context)
        encrypted = from_hex(grant["context"])
        listings = bytes.fromhex(self.contracts.listings.address[2:])
        check_context(encrypted, self.manifest.chain_id, listings, state.deposit_id)
        url = f"/v1/payloads/{to_hex(state.root)}"
        leaves = await self.service.whole(f"{url}/leaves", leaf_count(state.size) * LEAF)
        reader = VerifiedReader(
            data_key=data_key, context=encrypted, root=state.root, size=state.size, leaves=leaves
        )
        etag = f'"{to_hex(state.root)}"'
        sha256 = await decrypt_to(
            path,
            reader,
            lambda start: self.service.receive(url, start, state.size, etag=etag),
            progress=progress,
        )
        return Fetched(path, state.root, sha256, grant["block_number"], block_hash)

    async def confirm(self, licence: int) -> list[Share]:
        """Accepts delivery. The shares sum to the price."""
        return self._shares(await self.send(self.contracts.exchange.confirm(licence)))

    async def dispute(self, licence: int, reason: bytes) -> Receipt:
        return await self.send(self.contracts.exchange.dispute(licence, reason))

    # everybody

    async def withdraw(self, currency: int) -> int:
        """All that is owed to this account. Returns the amount."""
        receipt = await self.send(self.contracts.exchange.withdraw(currency))
        return self._event(receipt, exchange_events.Withdrawn).amount

    async def licences(self) -> list[int]:
        """Token ids of the licences that this account holds."""
        topics = [
            to_hex(bindings.licences.Transfer.topic0),
            None,
            to_hex(bytes(12) + bytes.fromhex(self.account.address[2:])),
        ]
        logs = await self.rpc.request(
            "eth_getLogs",
            [
                {
                    "address": self.contracts.licences.address,
                    "fromBlock": hex(self.manifest.block),
                    "toBlock": "latest",
                    "topics": topics,
                }
            ],
        )
        received = sorted({int(log["topics"][3], 16) for log in logs})
        holders = [await self.read(self.contracts.licences.owner_of(licence)) for licence in received]
        return [
            licence
            for licence, holder in zip(received, holders, strict=True)
            if holder == self.account.address
        ]

    async def licence(self, licence: int) -> LicenceState:
        """Raises ContractError (Licences_Unknown) when there is none."""
        record = await self.read(self.contracts.licences.licence(licence))
        holder = await self.read(self.contracts.licences.owner_of(licence))
        return LicenceState(
            licence=record,
            plan=await self.read(self.contracts.listings.plan(plan_of(licence))),
            holder=holder,
            entitlement=await self.read(self.contracts.licences.entitlement(licence, holder)),
        )

    async def withdraw_version(self, listing: int, version: int, reason: bytes) -> Receipt:
        """`reason`: hash, 32 bytes."""
        return await self.send(self.contracts.listings.withdraw_version(listing, version, reason))

    # supervisor

    async def revoke(self, licence: int, reason: bytes) -> Receipt:
        return await self.send(self.contracts.licences.revoke(licence, reason))

    async def suspend(self, account: str, until: int, reason: bytes) -> Receipt:
        return await self.send(self.contracts.participants.suspend(account, until, reason))

    def _shares(self, receipt: Receipt) -> list[Share]:
        return [
            Share(event.part, event.account, event.currency, event.amount)
            for event in self._events(receipt, exchange_events.Allocated)
        ]

    def _event(self, receipt: Receipt, kind: type[E]) -> E:
        (event,) = self._events(receipt, kind)
        return event

    def _events(self, receipt: Receipt, kind: type[E]) -> list[E]:
        ours = {deployed.address.lower() for deployed in self.manifest.contracts.values()}
        return [
            kind.decode(log.topics, log.data)[0]
            for log in receipt.logs
            if log.address.lower() in ours and log.topics and log.topics[0] == kind.topic0
        ]


def _draft(pending: Pending, metadata: bytes, stale_at: int) -> structs.VersionDraft:
    receipt = pending.receipt
    assert receipt is not None  # noqa: S101 - held
    return structs.VersionDraft(
        root=pending.payload.root,
        metadata=metadata,
        deposit_id=pending.deposit_id,
        size=pending.payload.size,
        region=receipt["region"].encode(),
        stale_at=stale_at,
        custodian=receipt["custodian"],
        deadline=receipt["deadline"],
        signature=from_hex(receipt["signature"]),
    )
