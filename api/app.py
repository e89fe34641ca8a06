"""The application: adapters are opened here, use cases put on top, all of it closed at the end."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence, Sized
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, FastAPI

from api import errors, page, production
from api.auth import routes as auth
from api.deps import Services
from api.limits import TokenBuckets
from api.metrics import SAMPLE_SECONDS, CountedEntitlements, Metrics, TimedCustody
from api.middleware import Envelope
from api.routes import (
    access_log,
    catalogue,
    deposits,
    dossiers,
    encryption_keys,
    erasures,
    evidence,
    exchange,
    grants,
    history,
    live,
    metadata,
    payloads,
    problems,
    reconciliations,
    samples,
    streams,
    uploads,
)
from api.settings import Settings
from ledger.chain import uses
from ledger.chain.anchors import ChainAnchors
from ledger.chain.bindings.errors import ERRORS
from ledger.chain.catalogue import ChainCatalogue
from ledger.chain.claims import ChainClaims
from ledger.chain.custodian import LocalCustodian
from ledger.chain.entitlements import ChainEntitlements, FinalBlocks
from ledger.chain.erc1271 import ContractSignatures
from ledger.chain.events import Decoder
from ledger.chain.finality import parse_finality
from ledger.chain.manifest import Manifest
from ledger.chain.oversight import ChainOversight
from ledger.chain.roles import ChainSellers, ChainSupervisors
from ledger.chain.rpc import Rpc
from ledger.chain.sender import Sender
from ledger.chain.trust import published, trust_of
from ledger.crypto.seal import Suite
from ledger.domain.siwe import RelyingParty
from ledger.indexer.alerts import AlertReader
from ledger.indexer.captures import Captures
from ledger.indexer.catalogue import CatalogueReader
from ledger.indexer.export import Exporter
from ledger.indexer.fetch import Source
from ledger.indexer.figures import FigureReader
from ledger.indexer.history import IndexReader
from ledger.indexer.index import Index
from ledger.indexer.payments import PaymentReader
from ledger.indexer.runner import Runner
from ledger.keys import KeyCustody, LocalKeyStore
from ledger.keys.choice import open_custody
from ledger.keys.shares import DataKeys, FolderShares, KeyShares
from ledger.objects import ObjectStore, ObstoreObjects
from ledger.recursion import limit_recursion
from ledger.services.access_log import AccessLog, Anchors
from ledger.services.catalogue import Catalogue
from ledger.services.deposits import Custodian, Deposits, Recipients, Sellers, Terms
from ledger.services.dossiers import Dossiers
from ledger.services.encryption_keys import EncryptionKeys
from ledger.services.erasures import Erasures, Supervisors
from ledger.services.evidence import Evidence
from ledger.services.exchange import Exchange, FinalBlock
from ledger.services.grants import Entitlements, Grants, Uses
from ledger.services.history import Exports, History, Overseers
from ledger.services.live import Live
from ledger.services.metadata import Metadata
from ledger.services.payloads import Payloads
from ledger.services.ports import Clock
from ledger.services.readiness import OK, Part, Readiness
from ledger.services.reconciliations import Providers, Reconciliations
from ledger.services.samples import Samples
from ledger.services.sign_in import SignIn
from ledger.services.signers import ContractAccounts
from ledger.services.streams import Streams
from ledger.services.unclaimed import Claims, Unclaimed
from ledger.services.uploads import Uploads
from ledger.store.access_log import AccessLog as AccessLogRows
from ledger.store.database import Database, reading, writing
from ledger.store.deposits import Deposits as DepositRows
from ledger.store.encryption_keys import EncryptionKeys as EncryptionKeyRows
from ledger.store.erasures import Erasures as ErasureRows
from ledger.store.evidence import Evidence as EvidenceRows
from ledger.store.grants import Grants as GrantRows
from ledger.store.index.catalogue import IndexCatalogue
from ledger.store.index.history import IndexHistory
from ledger.store.inquiries import Inquiries
from ledger.store.intents import IntentLog
from ledger.store.leader import Leader
from ledger.store.metadata import Documents as DocumentRows
from ledger.store.samples import Samples as SampleRows
from ledger.store.sessions import Sessions
from ledger.tasks import meanwhile

LOG: Final = logging.getLogger("socai.api")
VERSION: Final = version("socai")
WATCH_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 1.0


class SettingMissing(Exception):
    """The service cannot start without this setting."""


class Keys(Recipients, Protocol):
    """The vault's own keys, but for those that wrap data keys."""

    def log_key(self) -> Ed25519PrivateKey: ...


class Intents(Protocol):
    async def open(self) -> Sized:
        """The vault's transactions that are not settled."""
        ...


Chore = Callable[[], Coroutine[Any, Any, None]]


class Oversight(Overseers, Providers, Protocol):
    """Who oversees the exchange, and who provides payments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the use cases stand on."""

    manifest: Manifest
    finality: str
    blocks: FinalBlock
    database: Database
    objects: ObjectStore
    keys: Keys
    custody: KeyCustody
    shares: KeyShares
    custodian: Custodian
    contracts: ContractAccounts
    sellers: Sellers
    supervisors: Supervisors
    claims: Claims
    entitlements: Entitlements
    uses: Uses
    anchors: Anchors
    catalogue: Catalogue
    index: Runner
    overseers: Oversight
    exports: Exports
    intents: Intents
    leader: Leader
    chores: Sequence[Chore]
    """What only the process that leads does, for ever, besides the use cases' own."""
    clock: Clock = time.time


Open = Callable[[Settings], AbstractAsyncContextManager[Adapters]]


def create_app(settings: Settings, open_adapters: Open | None = None) -> FastAPI:
    """An application whose adapters are opened when it starts and closed when it stops."""
    opening = open_adapters or real_adapters
    limit_recursion()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening(settings) as opened:
            adapters = replace(
                opened,
                custody=TimedCustody(opened.custody, metrics),
                entitlements=CountedEntitlements(opened.entitlements, metrics),
            )
            app.state.services = wire(settings, adapters)
            services: Services = app.state.services
            collect, anchor = settings.collect_seconds, settings.anchor_seconds

            async def abandoned() -> int:
                return await services.deposits.collect(int(adapters.clock()))

            async def anchored() -> None:
                await services.access_log.anchor()
                metrics.log_anchored.set_to_current_time()

            async def sampled() -> None:
                await _sample(services, adapters, metrics)

            async def lead() -> None:
                chores = [
                    *(chore() for chore in adapters.chores),
                    _repeat("deposits collected", abandoned, collect),
                    _repeat("unclaimed payloads collected", services.unclaimed.collect, collect),
                    _repeat("payloads erased", services.erasures.carry_out, collect),
                    _repeat("access log anchored", anchored, anchor, anchor),
                ]
                await asyncio.gather(*chores)

            async def looked() -> None:
                if not await adapters.leader.leads():
                    await adapters.index.look()

            async with (
                meanwhile(adapters.leader.run(lead)),
                meanwhile(_repeat("index looked at", looked, LOOK_SECONDS)),
                meanwhile(_repeat("metrics sampled", sampled, SAMPLE_SECONDS)),
            ):
                yield

    app = FastAPI(
        title="Socai",
        summary="The transaction ledger of a data exchange",
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        # the framework's own spans and records carry queries and messages of exceptions: see `api.tracing`
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    v1 = APIRouter(prefix="/v1")
    for module in (
        *(auth, deposits, uploads, payloads, metadata, samples, catalogue, grants, streams),
        *(encryption_keys, erasures, exchange, access_log),
        *(evidence, live, dossiers, reconciliations, history, problems),
    ):
        v1.include_router(module.router)
    app.include_router(v1)
    app.include_router(page.router(settings.public_rpc_url))
    errors.install(app)
    app.state.accounts = TokenBuckets(settings.account_rate, settings.account_burst, time.monotonic)
    app.add_middleware(
        Envelope,
        addresses=TokenBuckets(settings.address_rate, settings.address_burst, time.monotonic),
        secure=settings.secure,
        metrics=metrics,
    )
    app.state.metrics = metrics
    return app


async def _repeat(
    what: str, work: Callable[[], Awaitable[int | None]], every: float, first: float = 0
) -> None:
    """Does `work` every so many seconds, from `first` on; an error is logged and it goes on."""
    await asyncio.sleep(first)
    while True:
        try:
            if count := await work():
                LOG.info(what, extra={"count": count})
        except Exception:
            LOG.exception("failed: " + what)
        await asyncio.sleep(every)


async def _sample(services: Services, adapters: Adapters, metrics: Metrics) -> None:
    for part, found in (await services.readiness.parts()).items():
        metrics.ready.labels(part).set(found == OK)
    progress = adapters.index.progress
    metrics.index_block.set(progress.block)
    metrics.index_lag.set(progress.lag)
    metrics.index_halted.set(progress.halted)
    metrics.sender_queue.set(len(await adapters.intents.open()))
    metrics.log_entries.set((await services.access_log.checkpoint()).size)
    if (age := (await services.exchange.state()).age) is not None:
        metrics.block_age.set(age)


@asynccontextmanager
async def real_adapters(settings: Settings) -> AsyncIterator[Adapters]:
    """A database, a folder, a key store and a node. Refuses to start without any of them."""
    production.check(settings)
    manifest = Manifest.load(settings.manifest or settings.data / "manifest.json")
    finality = parse_finality(settings.finality)
    if settings.passphrase is None:
        raise SettingMissing("SOCAI_PASSPHRASE is not set: the key store cannot be opened")
    keys = LocalKeyStore.open(settings.keys or settings.data / "keys", settings.passphrase.get_secret_value())
    database = Database(settings.database)
    try:
        await database.migrate()
        async with AsyncExitStack() as stack:
            urls = [settings.rpc_url, *settings.witnesses.split()]
            nodes = [await stack.enter_async_context(_node(url, settings)) for url in urls]
            for node in nodes:
                await manifest.check(node)
            rpc = nodes[0]
            blocks = FinalBlocks(rpc, finality)
            listings, licences = manifest.address("Listings"), manifest.address("Licences")
            intents, leader = IntentLog(database), Leader(settings.database)
            custodian = LocalCustodian(keys.custodian())
            await intents.bind(manifest.chain_id, manifest.genesis_hash, custodian.address)
            sender = Sender(
                rpc,
                keys.custodian(),
                intents,
                manifest.chain_id,
                clock=time.time,
                leads=leader.leads,
                errors=ERRORS,
                depth=uses.depth(finality),
            )
            trust = trust_of(manifest, settings.trust)
            source = Source(rpc, Decoder(manifest), trust.anchor)
            index = Runner(rpc, source, Index(database, manifest), manifest, finality)
            objects = ObstoreObjects.at(settings.object_store)
            captures = Captures(rpc, trust, database, objects)
            watch = partial(sender.watch, WATCH_SECONDS)
            adapters = Adapters(
                manifest=manifest,
                finality=settings.finality,
                blocks=blocks,
                database=database,
                objects=objects,
                keys=keys,
                custody=_custody(settings, keys),
                shares=FolderShares(settings.shares or [settings.data / "shares"]),
                custodian=custodian,
                contracts=ContractSignatures(rpc, blocks),
                sellers=ChainSellers(rpc, blocks, manifest.address("Participants")),
                supervisors=ChainSupervisors(rpc, blocks, manifest.address("Participants")),
                claims=ChainClaims(rpc, blocks, listings),
                entitlements=ChainEntitlements(nodes, finality, licences),
                uses=uses.ChainUses(sender, licences, settings.count_seconds),
                anchors=ChainAnchors(sender, manifest.address("LogAnchor"), settings.count_seconds),
                catalogue=ChainCatalogue(rpc, blocks, listings, licences),
                index=index,
                exports=Exporter(rpc, trust, manifest, reading(database, IndexHistory)),
                overseers=ChainOversight(
                    rpc, blocks, manifest.address("Participants"), manifest.address("AccessManager")
                ),
                intents=intents,
                leader=leader,
                chores=(partial(_repeat, "sender watched", watch, WATCH_SECONDS), index.run, captures.run),
            )
            yield adapters
    finally:
        await database.close()


def _node(url: str, settings: Settings) -> Rpc:
    if settings.otlp_url is None:
        return Rpc(url)
    from api.tracing import TracedRpc

    return TracedRpc(url)


def _custody(settings: Settings, local: LocalKeyStore) -> KeyCustody:
    if settings.custody is None:
        return local
    secret = settings.custody_secret
    return open_custody(settings.custody, "" if secret is None else secret.get_secret_value())


def _parts(settings: Settings, adapters: Adapters, exchange: Exchange) -> Mapping[str, Part]:
    """What readiness stands on."""

    async def database() -> str:
        await adapters.database.ping()
        return OK

    async def chain() -> str:
        state = await exchange.state()
        return state.trouble or OK

    async def index() -> str:
        progress = adapters.index.progress
        if progress.halted or progress.trouble is not None:
            return "halted" if progress.halted else "waiting"
        return OK if progress.lag <= settings.ready_lag_blocks else "behind"

    async def keys() -> str:
        await adapters.custody.current_version()
        return OK

    async def objects() -> str:
        await adapters.objects.ping()
        return OK

    return {"database": database, "chain": chain, "index": index, "keys": keys, "objects": objects}


def wire(settings: Settings, adapters: Adapters) -> Services:
    origin = urlsplit(settings.public_url)
    manifest, database = adapters.manifest, adapters.database
    keys = DataKeys(adapters.custody, adapters.shares)
    contracts = {name: bytes.fromhex(at.address[2:]) for name, at in manifest.contracts.items()}
    terms = Terms(
        chain_id=manifest.chain_id,
        listings=contracts["Listings"],
        reviews=contracts["Reviews"],
        region=settings.region.encode(),
        largest=settings.deposit_bytes,
        quota=settings.quota_bytes,
        waiting=settings.deposits_waiting,
        deposit_seconds=settings.deposit_seconds,
        receipt_seconds=settings.receipt_seconds,
        upload_rate=settings.upload_rate,
        upload_window=settings.upload_window_seconds,
    )
    grants = Grants(
        chain_id=manifest.chain_id,
        licences=contracts["Licences"],
        listings=contracts["Listings"],
        entitlements=adapters.entitlements,
        uses=adapters.uses,
        write=writing(database, GrantRows),
        read=reading(database, GrantRows),
        keys=keys,
        clock=adapters.clock,
        block_age_seconds=settings.block_age_seconds,
        grant_seconds=settings.grant_seconds,
    )
    exchange = Exchange(
        version=VERSION,
        profile=settings.profile,
        chain_id=manifest.chain_id,
        chain_name=settings.chain_name,
        public_rpc_url=settings.public_rpc_url,
        genesis_hash=manifest.genesis_hash,
        first_block=manifest.block,
        contracts=contracts,
        finality=adapters.finality,
        block_age_seconds=settings.block_age_seconds,
        vault_public_keys=[adapters.keys.recipient(suite).public for suite in Suite],
        custodian=adapters.custodian.address,
        region=settings.region,
        deposit_bytes=settings.deposit_bytes,
        metadata_bytes=settings.metadata_bytes,
        blocks=adapters.blocks,
        index=adapters.index,
        clock=adapters.clock,
    )
    reader = IndexReader(reading(database, IndexHistory), manifest)
    offers = CatalogueReader(reading(database, IndexCatalogue), adapters.clock)
    certificates = Evidence(
        read=reading(database, EvidenceRows),
        objects=adapters.objects,
        trust=published(manifest, settings.trust),
    )
    searches = History(
        overseers=adapters.overseers,
        log=writing(database, Inquiries),
        entries=reader,
        figures=FigureReader(reading(database, IndexHistory)),
        watch=AlertReader(reading(database, IndexCatalogue)),
        exports=adapters.exports,
        clock=adapters.clock,
    )
    return Services(
        sign_in=SignIn(
            party=RelyingParty(
                domain=origin.netloc,
                uri=settings.public_url,
                chain_id=manifest.chain_id,
                scheme=origin.scheme,
                skew=settings.clock_skew_seconds,
            ),
            write=writing(database, Sessions),
            read=reading(database, Sessions),
            contracts=adapters.contracts,
            clock=adapters.clock,
            nonce_seconds=settings.nonce_seconds,
            session_seconds=settings.session_seconds,
        ),
        deposits=Deposits(
            terms=terms,
            write=writing(database, DepositRows),
            read=reading(database, DepositRows),
            objects=adapters.objects,
            sellers=adapters.sellers,
            recipients=adapters.keys,
            keys=keys,
            custodian=adapters.custodian,
            clock=adapters.clock,
        ),
        uploads=Uploads(
            terms=terms,
            write=writing(database, DepositRows),
            read=reading(database, DepositRows),
            objects=adapters.objects,
        ),
        payloads=Payloads(
            read=reading(database, DepositRows),
            log=writing(database, AccessLogRows),
            objects=adapters.objects,
            clock=adapters.clock,
            sign_seconds=settings.sign_seconds,
        ),
        access_log=AccessLog(
            origin=f"{origin.netloc}/v1/log",
            key=adapters.keys.log_key(),
            read=reading(database, AccessLogRows),
            anchors=adapters.anchors,
        ),
        evidence=certificates,
        grants=grants,
        streams=Streams(
            grants=grants,
            objects=adapters.objects,
            clock=time.monotonic,
            check_seconds=settings.stream_check_seconds,
        ),
        unclaimed=Unclaimed(
            write=writing(database, DepositRows),
            read=reading(database, DepositRows),
            claims=adapters.claims,
            objects=adapters.objects,
            keys=keys,
            clock=adapters.clock,
            grace_seconds=settings.unclaimed_seconds,
        ),
        erasures=Erasures(
            chain_id=manifest.chain_id,
            listings=contracts["Listings"],
            write=writing(database, ErasureRows),
            read=reading(database, ErasureRows),
            supervisors=adapters.supervisors,
            keys=keys,
            custodian=adapters.custodian,
            clock=adapters.clock,
            wait_seconds=settings.erasure_seconds,
        ),
        encryption_keys=EncryptionKeys(
            chain_id=manifest.chain_id,
            licences=contracts["Licences"],
            write=writing(database, EncryptionKeyRows),
            read=reading(database, EncryptionKeyRows),
            contracts=adapters.contracts,
            clock=adapters.clock,
        ),
        samples=Samples(
            write=writing(database, SampleRows),
            read=reading(database, SampleRows),
            sellers=adapters.sellers,
            supervisors=adapters.supervisors,
            clock=adapters.clock,
            largest=settings.sample_bytes,
            most=settings.samples,
        ),
        metadata=Metadata(
            write=writing(database, DocumentRows),
            read=reading(database, DocumentRows),
            clock=adapters.clock,
            largest=settings.metadata_bytes,
        ),
        catalogue=adapters.catalogue,
        offers=offers,
        live=Live(reader, adapters.index),
        history=searches,
        reconciliations=Reconciliations(
            searches, adapters.overseers, PaymentReader(reading(database, IndexCatalogue))
        ),
        dossiers=Dossiers(
            history=searches,
            evidence=certificates,
            offers=offers,
            grants=reading(database, GrantRows),
            clock=adapters.clock,
            chain_id=manifest.chain_id,
            url=settings.public_url,
        ),
        exchange=exchange,
        readiness=Readiness(_parts(settings, adapters, exchange), time.monotonic),
    )
