"""What the use cases stand on, opened for the settings: database, folders, key store, nodes."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api import production
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
from ledger.chain.nodes import ChainNodes
from ledger.chain.roles import ChainOversight, ChainSellers, ChainSupervisors
from ledger.chain.rpc import Rpc
from ledger.chain.sender import Sender
from ledger.chain.trust import trust_of
from ledger.indexer.captures import Captures
from ledger.indexer.export import Exporter
from ledger.indexer.fetch import Source
from ledger.indexer.index import Index
from ledger.indexer.runner import Runner
from ledger.keys import KeyCustody, LocalKeyStore
from ledger.keys.choice import open_custody
from ledger.keys.shares import FolderShares, KeyShares
from ledger.objects import ObjectStore, ObstoreObjects
from ledger.services.access_log import Anchors
from ledger.services.catalogue import Catalogue
from ledger.services.deposits import Custodian, Recipients, Sellers
from ledger.services.erasures import Supervisors
from ledger.services.exchange import FinalBlock
from ledger.services.grants import Entitlements, Uses
from ledger.services.health import Intents, Nodes
from ledger.services.history import Exports, Overseers
from ledger.services.ports import Clock
from ledger.services.reconciliations import Providers
from ledger.services.signers import ContractAccounts
from ledger.services.unclaimed import Claims
from ledger.store.database import Database, reading
from ledger.store.index.history import IndexHistory
from ledger.store.intents import IntentLog
from ledger.store.leader import Leader
from ledger.tasks import repeat

WATCH_SECONDS: Final = 0.5


class SettingMissing(Exception):
    """The service cannot start without this setting."""


class Keys(Recipients, Protocol):
    """The vault's own keys, but for those that wrap data keys."""

    def log_key(self) -> Ed25519PrivateKey: ...


Chore = Callable[[], Coroutine[Any, Any, None]]


class Oversight(Overseers, Providers, Protocol):
    """Who oversees the exchange, and who provides payments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the use cases stand on."""

    manifest: Manifest
    finality: str
    blocks: FinalBlock
    nodes: Nodes
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
                nodes=ChainNodes(nodes, finality),
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
                chores=(partial(repeat, "sender watched", watch, WATCH_SECONDS), index.run, captures.run),
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
