"""Replicas are upgraded one after the other while people go on working: nobody notices.

The next version is this one with another migration of the kind that is allowed (`test_migrations.py`). The
first replica of it changes the schema under the other, which is of this version and goes on.
"""

import asyncio
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from alembic.config import Config
from alembic.script import ScriptDirectory

from api.settings import Settings
from ledger.store import database
from tests.integration.api.conftest import query
from tests.integration.api.market import PASSPHRASE, Market
from tests.integration.api.test_operations import free_port, until
from tests.integration.api.test_replicas import indexed
from tests.integration.api.test_start import FORKS, _main

WORKERS = 4
NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None


def upgrade() -> None:
    op.create_table("of_the_next", sa.Column("id", sa.BigInteger(), primary_key=True))
    for written in ("sign_in_nonces", "index_cursor"):
        op.add_column(written, sa.Column("of_the_next", sa.BigInteger(), nullable=True))
    for read in ("index_listings", "index_entries", "access_size"):
        op.add_column(read, sa.Column("of_the_next", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("of_the_next_time", "index_blocks", ["time", "number"])
"""


def next_version(migrations: Path, environment: dict[str, str], log: Path) -> None:
    database.MIGRATIONS = migrations  # type: ignore[misc]
    _main(environment, log)


class Replica:
    """The service in a process of its own."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._environment = {
            "SOCAI_DATA": str(settings.data),
            "SOCAI_PASSPHRASE": PASSPHRASE,
            "SOCAI_RPC_URL": settings.rpc_url,
            "SOCAI_PORT": str(self.port),
            "SOCAI_DRAIN_SECONDS": "3",
            "SOCAI_ADDRESS_RATE": "0",
        }
        if settings.database_url is not None:
            self._environment["SOCAI_DATABASE_URL"] = settings.database_url

    async def start(self, migrations: Path = database.MIGRATIONS) -> None:
        self._process = FORKS.Process(target=next_version, args=(migrations, self._environment, self._log))
        self._process.start()
        await until(200, f"{self.url}/v1/ready")

    async def stop(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGTERM)
        await asyncio.to_thread(self._process.join, 60)
        assert self._process.exitcode == -signal.SIGTERM, self._log.read_text()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@dataclass
class Balancer:
    """Sends requests in turn to those that said last that they are ready; never a second time."""

    replicas: list[Replica]
    ready: list[Replica] = field(default_factory=list)
    served: Counter[int] = field(default_factory=Counter)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Balancer"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port := free_port())
        await site.start()
        self.url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as self._http:
            await self._look()
            looking = asyncio.create_task(self._keep_looking())
            try:
                yield self
            finally:
                looking.cancel()
                await asyncio.wait([looking])
                await runner.cleanup()

    async def until(self, replica: Replica, count: int) -> None:
        """So many requests went to the replica."""
        for _ in range(1200):
            if self.served[replica.port] >= count:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(self.served)

    async def _keep_looking(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(0.1)

    async def _look(self) -> None:
        states = await asyncio.gather(*map(self._is_ready, self.replicas))
        self.ready = [replica for replica, ready in zip(self.replicas, states, strict=True) if ready]

    async def _is_ready(self, replica: Replica) -> bool:
        try:
            async with self._http.get(f"{replica.url}/v1/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _forward(self, request: web.Request) -> web.Response:
        replica = self.ready[sum(self.served.values()) % len(self.ready)]
        self.served[replica.port] += 1
        body = await request.read()
        async with self._http.request(request.method, f"{replica.url}{request.path_qs}", data=body) as answer:
            return web.Response(status=answer.status, body=await answer.read())


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_R13_replicas_are_upgraded_in_turn_and_no_request_fails(
    settings: Settings, market: Market, tmp_path: Path
) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    newer = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, newer)
    (newer / "versions" / "next.py").write_text(NEXT.format(head=head))
    replicas = [Replica(settings, tmp_path / f"replica-{n}") for n in range(2)]
    answers: Counter[Any] = Counter()
    done = asyncio.Event()

    async def work(http: aiohttp.ClientSession, url: str) -> None:
        paths = ("/v1/exchange", "/v1/log/checkpoint", "/v1/auth/nonce", "/v1/listings", "/v1/health")
        while not done.is_set():
            for path in paths:  # a nonce is written to the database
                try:
                    async with http.get(f"{url}{path}") as answer:
                        await answer.read()
                        answers[answer.status if answer.status == 200 else (path, answer.status)] += 1
                except aiohttp.ClientError as error:
                    answers[path, repr(error)] += 1

    try:
        for replica in replicas:
            await replica.start()
        async with Balancer(replicas).running() as balancer, aiohttp.ClientSession() as http:
            working = [asyncio.create_task(work(http, balancer.url)) for _ in range(WORKERS)]
            for replica in replicas:
                await replica.stop()
                before = balancer.served[replica.port]
                await replica.start(newer)
                await balancer.until(replica, before + 20)
            done.set()
            await asyncio.gather(*working)
        assert set(answers) == {200}, answers
        assert answers[200] > 100
        assert query(settings, "SELECT version_num FROM alembic_version") == [("next",)]
        await indexed(settings, (await market.head())[0])
    finally:
        for replica in replicas:
            replica.kill()
