"""The use cases, put on their adapters."""

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

from api.adapters import Adapters
from api.deps import Services
from api.settings import Settings
from ledger.chain.trust import published
from ledger.crypto.merkle import leaf_count
from ledger.crypto.seal import Suite
from ledger.crypto.verified import LEAF
from ledger.domain.siwe import RelyingParty
from ledger.indexer.alerts import AlertReader
from ledger.indexer.catalogue import CatalogueReader
from ledger.indexer.dealings import DealingReader
from ledger.indexer.figures import FigureReader
from ledger.indexer.history import IndexReader
from ledger.indexer.payments import PaymentReader
from ledger.keys.shares import DataKeys
from ledger.services.access_log import AccessLog
from ledger.services.deposits import Deposits, Terms
from ledger.services.dossiers import Dossiers
from ledger.services.encryption_keys import EncryptionKeys
from ledger.services.erasures import Erasures
from ledger.services.evidence import Evidence
from ledger.services.exchange import Exchange
from ledger.services.grants import Grants
from ledger.services.health import Health
from ledger.services.history import History
from ledger.services.live import Live
from ledger.services.metadata import Metadata
from ledger.services.payloads import Payloads
from ledger.services.readiness import OK, Part, Readiness
from ledger.services.reconciliations import Reconciliations
from ledger.services.retention import Retention
from ledger.services.samples import Samples
from ledger.services.sign_in import SignIn
from ledger.services.streams import Streams
from ledger.services.unclaimed import Unclaimed
from ledger.services.uploads import Uploads
from ledger.store.access_log import AccessLog as AccessLogRows
from ledger.store.database import reading, writing
from ledger.store.deposits import Deposits as DepositRows
from ledger.store.encryption_keys import EncryptionKeys as EncryptionKeyRows
from ledger.store.erasures import Erasures as ErasureRows
from ledger.store.evidence import Evidence as EvidenceRows
from ledger.store.grants import Grants as GrantRows
from ledger.store.index.catalogue import IndexCatalogue
from ledger.store.index.history import IndexHistory
from ledger.store.inquiries import Inquiries
from ledger.store.metadata import Documents as DocumentRows
from ledger.store.retention import Retention as Records
from ledger.store.samples import Samples as SampleRows
from ledger.store.sessions import Sessions

VERSION: Final = version("socai")


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
        largest=_largest(settings, adapters),
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
        deposit_bytes=_largest(settings, adapters),
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
        url=settings.public_url,
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
    readiness = Readiness(_parts(settings, adapters, exchange), time.monotonic)
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
        retention=Retention(
            writing(database, Records), adapters.blocks, adapters.clock, settings.retention_years
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
        dealings=DealingReader(reading(database, IndexCatalogue)),
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
        readiness=readiness,
        health=Health(
            overseers=adapters.overseers,
            readiness=readiness,
            leader=adapters.leader,
            nodes=adapters.nodes,
            index=adapters.index,
            intents=adapters.intents,
            custody=(settings.custody or "local").partition(":")[0],
        ),
    )


def _largest(settings: Settings, adapters: Adapters) -> int:
    """Most bytes of a payload, whose leaves are kept behind it."""
    most = adapters.objects.largest
    if most is None:
        return settings.deposit_bytes
    return min(settings.deposit_bytes, most - leaf_count(most) * LEAF)
