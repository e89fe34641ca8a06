"""The application: adapters are opened here, use cases put on top, all of it closed at the end."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from api import errors
from api.auth import routes as auth
from api.deps import Services
from api.middleware import Envelope
from api.routes import deposits, grants, payloads, problems
from api.settings import Settings
from ledger.domain.siwe import RelyingParty
from ledger.keys.port import KeyCustody
from ledger.objects.port import ObjectStore
from ledger.services.deposits import Custodian, Deposits, Recipients, Terms
from ledger.services.grants import Entitlements, Grants
from ledger.services.payloads import Payloads
from ledger.services.ports import Begin, Clock
from ledger.services.sign_in import ContractAccounts, SignIn
from ledger.store.database import Database
from ledger.store.deposits import Deposits as DepositRows
from ledger.store.grants import Grants as GrantRows
from ledger.store.sessions import Sessions

VERSION: Final = version("socai")

Repository = TypeVar("Repository")


class Keys(KeyCustody, Recipients, Protocol):
    """Both kinds of keys of the vault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFacts:
    """The chain and the contracts on it, 20 bytes each."""

    chain_id: int
    listings: bytes
    licences: bytes
    reviews: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the use cases stand on."""

    chain: ChainFacts
    database: Database
    objects: ObjectStore
    keys: Keys
    custodian: Custodian
    contracts: ContractAccounts
    entitlements: Entitlements
    clock: Clock = time.time


Open = Callable[[Settings], AbstractAsyncContextManager[Adapters]]


def create_app(settings: Settings, open_adapters: Open) -> FastAPI:
    """An application whose adapters `open_adapters` opens when it starts and closes when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_adapters(settings) as adapters:
            app.state.services = wire(settings, adapters)
            yield

    app = FastAPI(
        title="Socai",
        summary="The transaction ledger of a data exchange",
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
    )
    v1 = APIRouter(prefix="/v1")
    for module in (auth, deposits, payloads, grants, problems):
        v1.include_router(module.router)
    app.include_router(v1)
    errors.install(app)
    app.add_middleware(Envelope, secure=settings.secure)
    return app


def wire(settings: Settings, adapters: Adapters) -> Services:
    origin = urlsplit(settings.public_url)
    chain, database = adapters.chain, adapters.database
    return Services(
        sign_in=SignIn(
            party=RelyingParty(
                domain=origin.netloc,
                uri=settings.public_url,
                chain_id=chain.chain_id,
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
            terms=Terms(
                chain_id=chain.chain_id,
                listings=chain.listings,
                reviews=chain.reviews,
                region=settings.region.encode(),
                largest=settings.deposit_bytes,
                quota=settings.quota_bytes,
                waiting=settings.deposits_waiting,
                deposit_seconds=settings.deposit_seconds,
                receipt_seconds=settings.receipt_seconds,
            ),
            write=writing(database, DepositRows),
            read=reading(database, DepositRows),
            objects=adapters.objects,
            recipients=adapters.keys,
            custody=adapters.keys,
            custodian=adapters.custodian,
            clock=adapters.clock,
        ),
        payloads=Payloads(read=reading(database, DepositRows), objects=adapters.objects),
        grants=Grants(
            chain_id=chain.chain_id,
            licences=chain.licences,
            listings=chain.listings,
            entitlements=adapters.entitlements,
            write=writing(database, GrantRows),
            custody=adapters.keys,
            clock=adapters.clock,
            block_age_seconds=settings.block_age_seconds,
        ),
    )


def writing(database: Database, repository: Callable[[AsyncSession], Repository]) -> Begin[Repository]:
    @asynccontextmanager
    async def begin() -> AsyncIterator[Repository]:
        async with database.transaction() as session:
            yield repository(session)

    return begin


def reading(database: Database, repository: Callable[[AsyncSession], Repository]) -> Begin[Repository]:
    @asynccontextmanager
    async def begin() -> AsyncIterator[Repository]:
        async with database.reading() as session:
            yield repository(session)

    return begin
