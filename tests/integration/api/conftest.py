"""A real server: uvicorn on a free port, a SQLite file, a folder. Only the chain is played, by `Chain`."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from fastapi import FastAPI

from api.__main__ import KEEP_ALIVE_SECONDS
from api.app import Adapters, create_app
from api.deps import Services
from api.settings import Settings
from ledger.chain.custodian import LocalCustodian
from ledger.chain.manifest import Deployed, Manifest
from ledger.domain.deposit import SellerIneligible
from ledger.domain.entitlement import Block, Decision, NodeUnreachable
from ledger.domain.listing import Licence, Listing, Version
from ledger.domain.signature import BadSignature
from ledger.domain.siwe import Message
from ledger.keys import Cost, LocalKeyStore
from ledger.objects import ObstoreObjects
from ledger.store.database import Database

CONTRACTS = {"Listings": b"\x11" * 20, "Licences": b"\x22" * 20, "Reviews": b"\x33" * 20}
MANIFEST = Manifest(
    chain_id=84084,
    genesis_hash=bytes(32),
    block=1,
    contracts={name: Deployed(f"0x{at.hex()}", bytes(32)) for name, at in CONTRACTS.items()},
)
PASSPHRASE = "a passphrase nobody should see"
SELLER: LocalAccount = Account.from_key("0x" + "51" * 32)
BUYER: LocalAccount = Account.from_key("0x" + "52" * 32)


@dataclass
class Chain:
    """What the chain would say, and a clock that tests turn."""

    ahead: float = 0.0
    contract_signatures: dict[bytes, bytes] = field(default_factory=dict)
    decision: Decision | Exception = field(default_factory=lambda: NodeUnreachable("nothing listens there"))
    ineligible: set[bytes] = field(default_factory=set)
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    counting: Exception | None = None
    counted: list[bytes] = field(default_factory=list)

    def clock(self) -> float:
        return time.time() + self.ahead

    async def check(self, account: bytes, digest: bytes, signature: bytes) -> None:
        if self.contract_signatures.get(account) != signature:
            raise BadSignature("the contract does not accept the signature")

    async def newest(self) -> Block:
        if isinstance(self.decision, Exception):
            raise self.decision
        return self.decision.block

    async def listings(self, after: int, limit: int) -> tuple[Block, list[Listing]]:
        raise NotImplementedError

    async def listing(self, listing: int) -> tuple[Block, Listing]:
        raise NotImplementedError

    async def version(self, listing: int, number: int) -> tuple[Block, Version]:
        raise NotImplementedError

    async def licence(self, licence: int) -> tuple[Block, Licence]:
        raise NotImplementedError

    async def decide(self, licence: int, account: bytes) -> Decision:
        self.asked.append((licence, account))
        if isinstance(self.decision, Exception):
            raise self.decision
        return replace(self.decision, licence=licence, account=account)

    async def count(self, licence: int, use: bytes) -> None:
        if self.counting is not None:
            raise self.counting
        self.counted.append(use)


@dataclass
class AnySeller:
    chain: Chain

    async def check(self, account: bytes) -> None:
        if account in self.chain.ineligible:
            raise SellerIneligible("this account may not sell")


@dataclass
class Client:
    """One caller; signs in with `account`."""

    http: aiohttp.ClientSession
    chain: Chain
    origin: str
    app: FastAPI
    token: str | None = None

    @property
    def services(self) -> Services:
        """The use cases inside the server."""
        found: Services = self.app.state.services
        return found

    async def call(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]:
        """Status and body (parsed when it is JSON)."""
        async with self.request(method, path, **kwargs) as response:
            body = await response.read()
            return response.status, await response.json(content_type=None) if body else None

    def request(self, method: str, path: str, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return self.http.request(method, self.origin + path, headers=headers, **kwargs)

    async def message(self, account: LocalAccount, **changes: Any) -> Message:
        status, challenge = await self.call("GET", "/v1/auth/nonce")
        assert status == 200
        challenge.pop("version")
        return Message(**{"address": account.address, **challenge, **changes})

    async def sign_in(self, account: LocalAccount) -> "Client":
        status, opened = await self.call(
            "POST", "/v1/auth/verify", json=signed(await self.message(account), account)
        )
        assert status == 200, opened
        return replace(self, token=opened["token"])


def signed(message: Message, account: LocalAccount) -> dict[str, str]:
    signature = account.sign_message(encode_defunct(text=str(message))).signature
    return {"message": str(message), "signature": "0x" + signature.hex()}


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, public_url="http://127.0.0.1:8000")


def open_keys(settings: Settings) -> LocalKeyStore:
    path = settings.data / "keys"
    if path.exists():
        return LocalKeyStore.open(path, PASSPHRASE)
    return LocalKeyStore.create(path, PASSPHRASE, cost=Cost(memory_kib=64, iterations=1, lanes=1))


@asynccontextmanager
async def running(settings: Settings, chain: Chain, *, real: bool = False) -> AsyncIterator[Client]:
    """The service under `settings`, until the block ends; with a `real` chain behind it or with `chain`."""

    @asynccontextmanager
    async def open_adapters(settings: Settings) -> AsyncIterator[Adapters]:
        database = Database(f"sqlite:///{settings.data}/socai.sqlite")
        await database.migrate()
        keys = open_keys(settings)
        yield Adapters(
            manifest=MANIFEST,
            finality="instant",
            blocks=chain,
            catalogue=chain,
            database=database,
            objects=ObstoreObjects.local(settings.data / "objects"),
            keys=keys,
            custodian=LocalCustodian(keys.custodian()),
            contracts=chain,
            sellers=AnySeller(chain),
            entitlements=chain,
            uses=chain,
            clock=chain.clock,
        )
        await database.close()

    app = create_app(settings, None if real else open_adapters)
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            serving.result()
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession() as http:
            yield Client(http, chain, f"http://127.0.0.1:{port}", app)
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def client(settings: Settings, chain: Chain) -> AsyncIterator[Client]:
    async with running(settings, chain) as client:
        yield client
