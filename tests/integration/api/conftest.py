"""A real server on a free port, a SQLite file, a folder, and a real exchange on anvil behind a proxy."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import uvicorn
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine, text

from api.__main__ import KEEP_ALIVE_SECONDS
from api.adapters import Adapters, real_adapters
from api.app import create_app
from api.deps import Services
from api.settings import Settings
from api.zerocopy import ZeroCopyProtocol
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.domain.siwe import Message
from ledger.store.database import Database
from ledger.store.engine import parse
from tests.e2e.conftest import free_port
from tests.integration.api.market import PASSPHRASE, Deployment, Market, deployment
from tests.integration.node import Node
from tests.postgresql import Postgresql


@dataclass
class Clock:
    """The service's, which tests turn."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Client:
    """One caller; signs in with `account`."""

    http: aiohttp.ClientSession
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


async def indexed(client: Client, market: Market) -> None:
    """Until the index holds all that the chain does."""
    head, _ = await market.head()
    for _ in range(1000):
        if (await client.call("GET", "/v1/health"))[1]["index_block"] >= head:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the index does not reach block {head}")


async def captured(client: Client, subject: str) -> None:
    """Until its certificate is kept; `subject` as in the path of its address."""
    for _ in range(1000):
        if (await client.call("GET", f"/v1/evidence/{subject}"))[0] == 200:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"no certificate of {subject} is captured")


def signed(message: Message, account: LocalAccount) -> dict[str, str]:
    signature = account.sign_message(encode_defunct(text=str(message))).signature
    return {"message": str(message), "signature": "0x" + signature.hex()}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """One chain with one exchange, for all tests."""
    async with Devnet(port=free_port()) as chain:
        yield await deployment(chain, tmp_path_factory.mktemp("exchange"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of this version."""
    path = tmp_path_factory.mktemp("database") / "socai.sqlite"
    database = Database(f"sqlite:///{path}")
    await database.migrate()
    await database.close()
    return path


@pytest.fixture
async def market(deployed: Deployment) -> AsyncIterator[Market]:
    """The exchange as it was deployed, with a block of now; rewound after the test."""
    async with Rpc(deployed.url) as rpc:
        snapshot = await rpc.request("evm_snapshot")
        head = await rpc.request("eth_getBlockByNumber", ["latest", False])
        await rpc.request("anvil_setTime", [max(int(time.time()), int(head["timestamp"], 16) + 1)])
        await rpc.request("evm_mine")
        yield Market(deployed, rpc)
        await rpc.request("evm_revert", [snapshot])


@pytest.fixture
async def node(market: Market) -> AsyncIterator[Node]:
    """The node as the service sees it."""
    async with Node.before(market.deployed.url) as node:
        yield node


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    """The address of the service's own, or None for the SQLite file in its folder.

    SOCAI_TEST_DATABASE=postgresql chooses that for all tests; some run on both in any case: `ON_BOTH`.
    """
    if getattr(request, "param", os.environ.get("SOCAI_TEST_DATABASE", "sqlite")) == "sqlite":
        shutil.copy2(request.getfixturevalue("migrated"), tmp_path)
        yield None
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.migrated()
    yield url
    server.drop(url)


ON_BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def query(settings: Settings, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """What the service's database holds, past the service; for a statement without rows, nothing."""
    url = parse(settings.database)
    patient = {"timeout": 60} if url.drivername.startswith("sqlite") else {}
    plain = url.set(drivername=url.drivername.removesuffix("+aiosqlite"))
    engine = create_engine(plain, poolclass=NullPool, connect_args=patient)
    with engine.begin() as connection:
        found = connection.execute(text(statement), parameters)
        return [tuple(row) for row in found] if found.returns_rows else []


@pytest.fixture
def settings(tmp_path: Path, deployed: Deployment, database: str | None, node: Node) -> Settings:
    for file in (deployed.folder / "keys", deployed.folder / "manifest.json"):
        shutil.copy2(file, tmp_path)
    return Settings(
        data=tmp_path,
        database_url=database,
        public_url="http://127.0.0.1:8000",
        rpc_url=node.url,
        passphrase=SecretStr(PASSPHRASE),
    )


@asynccontextmanager
async def running(settings: Settings, clock: Clock) -> AsyncIterator[Client]:
    """The service under `settings`, until the block ends."""

    @asynccontextmanager
    async def open_adapters(settings: Settings) -> AsyncIterator[Adapters]:
        async with real_adapters(settings) as adapters:
            yield replace(adapters, clock=clock)

    app = create_app(settings, open_adapters)
    config = uvicorn.Config(
        app,
        http=ZeroCopyProtocol,
        port=0,
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
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
            yield Client(http, f"http://127.0.0.1:{port}", app)
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def client(settings: Settings, clock: Clock) -> AsyncIterator[Client]:
    async with running(settings, clock) as client:
        yield client
