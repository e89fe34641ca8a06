"""Replicas are restarted one after the other while people go on working: nobody notices."""

import asyncio
import os
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

from api.settings import Settings
from tests.integration.api.market import PASSPHRASE, Market
from tests.integration.api.test_operations import free_port, until
from tests.integration.api.test_start import FORKS, _main

WORKERS = 4


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
            "SOCAI_DRAIN_SECONDS": "1",
            "SOCAI_ADDRESS_RATE": "0",
        }
        if settings.database_url is not None:
            self._environment["SOCAI_DATABASE_URL"] = settings.database_url

    async def start(self) -> None:
        self._process = FORKS.Process(target=_main, args=(self._environment, self._log))
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
async def test_R13_replicas_restart_in_turn_and_no_request_fails(
    settings: Settings, market: Market, tmp_path: Path
) -> None:
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
                await replica.start()
                await balancer.until(replica, before + 20)
            done.set()
            await asyncio.gather(*working)
        assert set(answers) == {200}, answers
        assert answers[200] > 100
    finally:
        for replica in replicas:
            replica.kill()
